"""Everything that reads text from outside, fed with what nobody foresaw."""

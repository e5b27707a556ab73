# The master: the library in Salt's own Python, the engine's configuration, the ground for one-time tokens, a restart when needed.
include:
  - dynamiccluster.master.library
  - dynamiccluster.master.config
  - dynamiccluster.master.keys
  - dynamiccluster.master.service

"""The main job, shown on real parts: jobs come, the cluster grows, the jobs run, the cluster shrinks back."""

from __future__ import annotations

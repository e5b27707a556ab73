# The batch system's head: who may do what, how fast it schedules, how it takes jobs without nodes, how it learns names.
include:
  - dynamiccluster.head.rights
  - dynamiccluster.head.scheduler
  - dynamiccluster.head.placeholders
  - dynamiccluster.head.names

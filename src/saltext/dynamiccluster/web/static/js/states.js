// Names of states, in the order in which they are shown. Their colours are in tokens.css, by the same names.

export const NODE_STATES = ["busy", "idle", "starting", "holding", "held", "deleting", "error", "inexistent"];

export const NODE_MEANING = {
  busy: "runs jobs",
  idle: "has room and runs nothing",
  starting: "is being launched and configured",
  holding: "takes no new jobs, its jobs end",
  held: "takes no jobs and has none",
  deleting: "is being removed",
  error: "needs a look",
  inexistent: "is wanted, but not there",
};

export const JOB_STATES = ["pending", "held", "dependent", "waiting", "error", "running", "suspended", "unknown"];

/** What the outcome of a job's fate means; other outcomes are the job's state. */
export const OUTCOMES = {
  runs: "starts on a node that is there",
  arriving: "gets a node that is on its way",
  ordered: "a node is being launched for it",
  waits: "waits",
  impossible: "can never run",
  "not demand": "is none of our business",
};

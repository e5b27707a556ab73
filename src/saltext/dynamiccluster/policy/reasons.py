"""Why a node goes. Kept in its record, compared by the rules, read by people."""

IDLE = "idle longer than max_idle_time"
DRAIN = "its resource is being drained"
REMOVE = "an administrator removed it"
DOWN = "down longer than max_down_time"
LATE = "not in service within max_launch_time"
GONE = "its machine is gone"
STOPPED = "its machine was stopped from outside"
BROKEN = "the cloud reports it in error"
REFUSED = "the cloud took it and then refused it"
SURPLUS = "a further machine of one launch"
ENDING = "its machine is being terminated from outside"
INTERRUPTED = "its cloud takes the machine back"
REBALANCE = "its cloud recommends to move to another machine"
RETIREMENT = "its cloud retires the machine"
IMPAIRED = "its cloud's checks of it fail"
UNCONFIGURED = "its configuration failed"
FULL = "there is no room for it any more: its resource is full"
CANCELLED = "cancelled before it was launched"

# Reasons that are taken back when the node turns out to be wanted after all.
REVOCABLE = frozenset({IDLE, DRAIN})

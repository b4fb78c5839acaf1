#!/bin/sh
# shell/pool.sh, as an operator has to do with it.
set -eu
PATH=$(dirname "$REEVECTL"):$PATH
said=$(dirname "$REEVE_SOCKET")/said
fail() { echo "FAILED: $1"; reevectl tree; exit 1; }
soon() {  # soon COMMAND…: again and again until it succeeds, for some time
  deadline=$(($(date +%s) + ${REEVE_TEST_PATIENCE:-15}))
  until "$@"; do [ "$(date +%s)" -lt "$deadline" ] || return 1; sleep 0.01; done
}
are_active() { [ "$(reevectl list --state active --no-legend 2>/dev/null | wc -l)" -eq "$1" ]; }
process_of() {  # of a worker, or of all
  reevectl list --json=pretty | sed -n "/\"worker\": \"$1\"/,/\"pid\"/s/.*\"pid\": *\([0-9]*\).*/\1/p"
}
is_replaced() { pid=$(process_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ] && are_active 3; }

"$(dirname "$0")/shell/pool.sh" 3 sleep 1000 >"$said" &
pool=$!
soon are_active 3 || fail "the pool does not start"
REEVE_RUN_ID=$(reevectl runs --no-legend | cut -d" " -f1)
export REEVE_RUN_ID

second=$(process_of worker-2)
kill -KILL "$second"
soon is_replaced worker-2 "$second" || fail "worker-2 is not started again"
grep -q '^worker worker-2: ' "$said" || fail "the pool does not say that worker-2 has ended"

first=$(process_of worker-1) third=$(process_of worker-3)
echo 1 >"$REEVED_GROUP/cgroup.kill"
kill -KILL "$first"
soon is_replaced worker-1 "$first" || fail "worker-1 is not started again by another reeved"
[ "$(process_of worker-3)" = "$third" ] || fail "worker-3 was not to be touched"

kill -KILL "$pool"
# That all it had is gone, with_reeved.sh looks.

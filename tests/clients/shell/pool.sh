#!/bin/sh
# pool.sh COUNT COMMAND [ARGUMENT…]: keeps so many workers running, and starts again who ends. With
# this script, however it ends, all of them end, and whatever they have started. Look at them with
# `reevectl list` and `reevectl tree`; one that hangs is replaced after `reevectl stop worker-1`.
set -eu
[ $# -ge 2 ] || { echo "usage: pool.sh COUNT COMMAND [ARGUMENT...]" >&2; exit 2; }
[ -n "${REEVE_RUN_ID:-}" ] || exec reevectl run --name pool -- "$0" "$@"
count=$1
shift

for number in $(seq "$count"); do
  reevectl exec "worker-$number" -- "$@" &
done

# First what is, then what happens. Should reeved be restarted, it is asked anew.
while :; do
  reevectl events --json=short | while read -r event; do
    case $event in *'"kind":"exited"'*) ;; *) continue ;; esac
    worker=${event#*'"worker":"'}
    worker=${worker%%'"'*}
    # Wait tells how it ended, and fails for one that was taken out with `reevectl unregister`.
    { reevectl wait "$worker" && sleep 1 && exec reevectl exec "$worker" -- "$@"; } &
  done
  sleep 1
done

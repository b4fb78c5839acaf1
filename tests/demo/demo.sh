#!/bin/sh
# Shows on real processes what reeve is for: demo.sh PATH_TO_REEVED PATH_TO_REEVECTL, as root.
# All happens in a throw-away cgroup and directory; the exit status is 0 if every check held.
set -eu
usage="usage: demo.sh PATH_TO_REEVED PATH_TO_REEVECTL"
reeved=${REEVED:-${1:?$usage}} reevectl=${REEVECTL:-${2:?$usage}} application=$(dirname "$0")/application.py
mount=$(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup2") { print $5; exit } }' \
            /proc/self/mountinfo)  # it is not always /sys/fs/cgroup
root=/reeve-demo-$$ tree=$mount$root dir='' daemon='' app='' failures=0 finished=no

# ---- saying, checking, waiting

colour() { [ ! -t 1 ] || printf '\033[%sm' "$1"; }
title() { echo && colour 1 && echo "$*" && colour 0; }
reevectl() { "$reevectl" "$@"; }
show() { echo "$ $*"; "$@"; }  # show COMMAND…: it and what it prints
check() {                      # check TEXT COMMAND…
  text=$1; shift
  if "$@"; then colour 32; printf ok:
  else colour 31; printf FAILED:; failures=$((failures + 1)); fi
  colour 0; echo " $text"
}
soon() {  # soon COMMAND…: again and again until it succeeds, for some time
  deadline=$(($(date +%s) + ${REEVE_TEST_PATIENCE:-15}))
  until "$@"; do [ "$(date +%s)" -lt "$deadline" ] || return 1; sleep 0.01; done
}
gone() { [ ! -e "$1" ]; }

# ---- processes: a pid may be used again, a pid with its start time is not

identity() {  # identity PID: prints the two, unless it is dead
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086  # its words: state, parent and so on; the start time is field 22
  set -- "$1" ${stat##*) }
  case $2 in Z | X) return 1 ;; esac
  echo "$1 ${21}"
}
identities_in() {  # identities_in CGROUP: of all processes of its tree
  find "$1" -name cgroup.procs -exec cat {} + | while read -r pid; do identity "$pid" || :; done
}
alive() { [ "$(identity "$1")" = "$1 $2" ]; }
dead() { ! identity "$1" >/dev/null; }
all_alive() { while read -r pid start; do alive "$pid" "$start" || return 1; done <"$1"; }
all_gone() { while read -r pid start; do ! alive "$pid" "$start" || return 1; done <"$1"; }
none_else() { ! grep -qsz "^REEVE_SOCKET=$dir/" /proc/[0-9]*/environ; }
count() { echo $(($(wc -l <"$1"))); }

# ---- what is started, and what is ended whatever happens

starts() {  # starts PID COMMAND…: it succeeds soon, unless that process ends before
  pid=$1; shift
  identity "$pid" >>"$dir/processes" || :
  or_dead() { "$@" || dead "$pid"; }
  soon or_dead "$@" && "$@"
}
answering() { reevectl runs >/dev/null 2>&1; }
start_daemon() {
  "$reeved" --bus none --root "$root" --socket "$REEVE_SOCKET" >"$dir/log" 2>&1 & daemon=$!
  starts "$daemon" answering || { cat "$dir/log"; exit 1; }
  cat "$dir/log"
}
start_application() {  # start_application NOTE: and note the processes of its run
  : >"$dir/output"  # lest the ready line be that of the one before
  python3 "$application" 4 >"$dir/output" 2>&1 & app=$!
  starts "$app" grep -q ready: "$dir/output" || { cat "$dir/output"; exit 1; }
  cat "$dir/output"
  run_tree=$tree/run-$(sed -n 's/^ready: run //p' "$dir/output")
  note_processes "$1"
  check "17 processes in its cgroup: the application, four workers, three children of each" \
    [ "$(count "$dir/$1")" -eq 17 ]
}
note_processes() { identities_in "$run_tree" >"$dir/$1"; cat "$dir/$1" >>"$dir/processes"; }
reaped() { ! reevectl show pool-2 | grep -q zombie; }  # its parent has taken its exit status
end() {  # end PID SIGNAL: of a child
  { kill "-$2" "$1"; soon dead "$1" || kill -KILL "$1"; wait "$1"; } 2>/dev/null || :
}
holds_nothing() { [ -z "$(find "$tree" -mindepth 1 -type d)" ]; }
emptied() { find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null; gone "$tree"; }
cleanup() {
  status=$?
  [ -n "$dir" ] || exit "$status"
  set +e
  trap '' HUP INT PIPE TERM
  title "5. Nothing is left behind" 2>/dev/null || exec >&2  # nobody reads any more
  [ $failures -eq 0 ] || { echo "What reeved logged:"; cat "$dir/log"; }
  [ $finished = yes ] || check "the demo reached its end" false
  [ -z "$app" ] || end "$app" KILL
  [ $finished = no ] || check "reeved keeps no run any more: its cgroup is empty" holds_nothing
  [ -z "$daemon" ] || end "$daemon" TERM
  # If interrupted: also what no variable names yet, and what a reeved that was ended has kept.
  children=''; read -r children <"/proc/$$/task/$$/children"
  for child in $children; do end "$child" KILL; done
  [ ! -e "$tree/cgroup.kill" ] || echo 1 >"$tree/cgroup.kill"
  soon emptied
  sort -u -o "$dir/processes" "$dir/processes"
  unset REEVE_SOCKET
  check "none of the $(count "$dir/processes") processes seen is left" \
    soon all_gone "$dir/processes"
  check "no other process with this demo's socket in its environment is left" soon none_else
  check "the cgroup $root is gone" gone "$tree"
  rm -rf "$dir"
  check "the directory $dir with the socket is gone" gone "$dir"
  [ "$status" -ne 0 ] || [ $failures -eq 0 ] || status=1
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
dir=$(mktemp -d)
: >"$dir/processes"
export REEVE_SOCKET="$dir/socket"
unset REEVE_RUN_ID

title "1. reeved, with a cgroup and a socket for this demo alone"
start_daemon
"$reevectl" events >"$dir/events" & events=$!  # not by the function: that would be a subshell
identity "$events" >>"$dir/processes"

title "2. An application with a pool of four workers. Each holds memory and has started children:
   one that left for another parent, one in a session of its own, one that ignores SIGTERM"
start_application first
show reevectl runs
show reevectl list
show reevectl tree

title "3. The application is killed with SIGKILL: it cannot clean up behind itself"
echo "$ kill -KILL $app"
python3 -c 'import os, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
pid, cgroup = int(sys.argv[1]), sys.argv[2]
start = time.monotonic()
os.kill(pid, signal.SIGKILL)
while os.path.exists(cgroup) and time.monotonic() < start + 15:
    time.sleep(0.0002)
print(f"{(time.monotonic() - start) * 1000:.1f} ms later:")' "$app" "$run_tree"
check "the run's cgroup is gone" gone "$run_tree"
end "$app" KILL; app=''
check "all the $(count "$dir/first") processes are gone" soon all_gone "$dir/first"
check "'reevectl events' tells of its end" soon grep -q runClosed "$dir/events"
cat "$dir/events"
end "$events" TERM

title "4. reeved is killed with SIGKILL: the workers live on, and the next reeved adopts them"
start_application second
export REEVE_RUN_ID="${run_tree##*/run-}"
reevectl list --json=short >"$dir/before"
victim=$(reevectl list --no-legend | awk '$2 == "pool-2" { print $4 }')
identities_in "$run_tree/worker-pool-2" >"$dir/pool-2"
echo "$ kill -KILL $daemon"
end "$daemon" KILL; daemon=''
check "without reeved all the $(count "$dir/second") processes live on" all_alive "$dir/second"
echo "$ kill -KILL $victim  # the process of worker pool-2, while no reeved watches"
kill -KILL "$victim"
soon dead "$victim" || :
start_daemon
reevectl list --json=short >"$dir/after"
check "every worker was adopted with its identity" python3 -c 'import json, sys
words = "{worker}: pid {pid}, pidfdId {pidfdId}, handle {handle}, fingerprint {fingerprint}"
before, after = ([words.format_map({"pidfdId": "-", **worker, **worker["process"]})
                  for worker in json.load(open(path))["workers"]] for path in sys.argv[1:])
for old, new in zip(before, after):
    print(f"before {old}\nafter  {new}")
sys.exit(before != after or len(before) != 4)' "$dir/before" "$dir/after"
soon reaped || :
show reevectl show pool-2
show reevectl validate && status=0 || status=$?
check "the exit that nobody saw is reported: validate says so with status 3" [ "$status" -eq 3 ]
check "the children that worker pool-2 left were killed" soon all_gone "$dir/pool-2"
note_processes third
echo "$ kill -TERM $app  # the application"
end "$app" TERM; app=''
check "the run's cgroup is gone" soon gone "$run_tree"
check "all the processes it had are gone" soon all_gone "$dir/third"
finished=yes

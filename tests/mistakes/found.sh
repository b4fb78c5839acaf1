#!/bin/sh
# found.sh MISTAKES SECONDS COMMAND…: the command succeeds, and fails once reeved makes one of these
# mistakes. SECONDS are added to the command where it is to look for so long, and "" otherwise;
# without a mistake it looks for a short while.
set -eu
mistakes=$1 seconds=$2
shift 2
[ -n "${REEVED:-}" ] || {
    echo "needs a reeved that was built with -Dtest_hooks=true, named by REEVED"
    exit 77
}
"$@" ${seconds:+5} || { echo "FAILED without a mistake, too"; exit 1; }
failed=0
for mistake in $mistakes; do
    status=0
    REEVE_TEST_PATIENCE=5 REEVE_MISTAKE=$mistake "$@" ${seconds:+"$seconds"} || status=$?
    case $status in
    0 | 77) echo "FAILED to find the mistake \"$mistake\"" && failed=1 ;;
    *) echo "found: $mistake" ;;
    esac
done
exit "$failed"

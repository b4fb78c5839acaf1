#!/bin/sh
# found.sh MISTAKE… -- COMMAND…: the command succeeds, and fails once reeved makes such a mistake.
set -eu
mistakes=
while [ "$1" != -- ]; do
    mistakes="$mistakes $1"
    shift
done
shift
[ -n "${REEVED:-}" ] || {
    echo "needs a reeved that was built with -Dtest_hooks=true, named by REEVED"
    exit 77
}
"$@" || { echo "FAILED without a mistake, too"; exit 1; }
failed=0
for mistake in $mistakes; do
    status=0
    REEVE_TEST_PATIENCE=10 REEVE_MISTAKE=$mistake "$@" || status=$?
    case $status in
    0 | 77) echo "FAILED to find the mistake \"$mistake\"" && failed=1 ;;
    *) echo "found: $mistake" ;;
    esac
done
exit "$failed"

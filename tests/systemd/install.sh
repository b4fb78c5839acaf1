#!/bin/sh
# In the container: builds reeve from /checkout in /build, installs it and starts it.
set -eu
export CCACHE_DIR=/ccache
[ -f /build/build.ninja ] ||
    meson setup --werror -Dcpp_args=-g1 -Dtests=none /build /checkout >/dev/null
ninja -C /build --quiet
meson install -C /build --no-rebuild --quiet
systemctl --quiet enable --now reeved.service

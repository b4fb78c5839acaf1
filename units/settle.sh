#!/bin/sh
# After files were installed on this host, and not into a package or another root: what has to know
# of them is told.
set -eu
[ -z "${DESTDIR:-}" ] && [ "$(id -u)" -eq 0 ] || exit 0
ldconfig
[ -d /run/systemd/system ] || exit 0
systemd-sysusers "$MESON_INSTALL_PREFIX/lib/sysusers.d/reeve.conf"
systemd-tmpfiles --create "$MESON_INSTALL_PREFIX/lib/tmpfiles.d/reeve.conf"
journalctl --update-catalog
systemctl daemon-reload
! systemctl --quiet is-active dbus.service || systemctl reload dbus.service

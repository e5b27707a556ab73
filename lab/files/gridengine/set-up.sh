#!/bin/bash
# Make a fresh cell on the head and start its qmaster. Arguments: directory of the definitions beside this file.
# Runs as root in the head's private root only; what it removes lies in that root's own layer.
set -euo pipefail
here=$1
common=$SGE_ROOT/$SGE_CELL/common
spool=/var/spool/gridengine
tools=/usr/lib/gridengine
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

as_admin() { setpriv --reuid=sgeadmin --regid=sgeadmin --init-groups "$@"; }

rm -rf "$spool"
install -d -o sgeadmin -g sgeadmin "$spool" "$spool/qmaster" "$spool/qmaster/job_scripts" "$spool/spooldb" "$common"
install -o sgeadmin -g sgeadmin -m 644 /usr/share/gridengine/default-bootstrap "$common/bootstrap"
echo head >"$common/act_qmaster"
printf 'SGE_ROOT=%s; export SGE_ROOT\nSGE_CELL=%s; export SGE_CELL\n' "$SGE_ROOT" "$SGE_CELL" >"$common/settings.sh"
chown sgeadmin:sgeadmin "$common"/*

# Jobs of a lab must not wait for minutes: short reports, quick notice of dead nodes.
sed -e 's/^load_report_time .*/load_report_time 00:00:05/' -e 's/^max_unheard .*/max_unheard 00:00:20/' \
    -e 's/^administrator_mail .*/administrator_mail none/' -e 's,^mailer .*,mailer /bin/true,' \
    /usr/share/gridengine/default-configuration >"$work/configuration"
chmod 755 "$work"
resources=/usr/share/gridengine/util/resources
as_admin "$tools/spoolinit" berkeleydb libspoolb "$spool/spooldb" init
as_admin "$tools/spooldefaults" configuration "$work/configuration"
as_admin "$tools/spooldefaults" complexes $resources/centry
as_admin "$tools/spooldefaults" usersets $resources/usersets
as_admin "$tools/spooldefaults" managers sgeadmin root
"$tools/sge_qmaster" >/dev/null 2>&1 </dev/null

attempts=0
until "$tools/qconf" -sh >/dev/null 2>&1; do
    (( ++attempts < 200 )) || { echo "qmaster does not answer:"; cat "$spool/qmaster/messages"; exit 1; }
    sleep 0.1
done
for environment in "$here"/pe/*; do "$tools/qconf" -Ap "$environment"; done
"$tools/qconf" -Msconf "$here/scheduler"
"$tools/qconf" -as head
"$tools/qconf" -Ahgrp "$here/allhosts"
for queue in "$here"/queue/*; do "$tools/qconf" -Aq "$queue"; done

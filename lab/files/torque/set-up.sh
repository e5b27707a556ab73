#!/bin/bash
# Put the stand-in's commands in the place of Grid Engine's on the head. Arguments: Python, the directory of the commands.
# Runs as root in the head's private root only; what it removes lies in that root's own layer.
set -euo pipefail
python=$1
commands=$2
[ -e /run/lab/head.json ] || { echo "refused: this is no head of a lab" >&2; exit 1; }
for path in "$commands"/*; do
    name=${path##*/}
    rm -f "/usr/bin/$name" "/usr/lib/gridengine/$name"
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$python" "$path" >"/usr/bin/$name"
    chmod 755 "/usr/bin/$name"
done

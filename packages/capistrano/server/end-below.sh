# Ends all processes below a process: asks them first, and kills those that remain after three seconds.
# Variables: root (id of a process)

# One `id:parent` per process.
processes() {
  if [ -r /proc/self/stat ]; then
    for stat in /proc/[0-9]*/stat; do
      IFS= read -r line <"$stat" || continue
      parent=${line##*) ? }
      printf '%s:%s\n' "${line%% *}" "${parent%% *}"
    done
  else
    ps -A -o pid= -o ppid= | while read -r id parent; do printf '%s:%s\n' "$id" "$parent"; done
  fi 2>/dev/null
}

# Prints the ids of the processes below the root.
below() {
  table=$(processes)
  found=" $root "
  grown=1
  while [ -n "$grown" ]; do
    grown=
    for entry in $table; do
      case $found in *" ${entry%:*} "*) continue ;; esac
      case $found in *" ${entry#*:} "*) found="$found${entry%:*} " grown=1 ;; esac
    done
  done
  printf '%s\n' "${found#" $root "}"
}

signal=TERM
for attempt in 1 2 3 4 5; do
  ids=$(below)
  [ -n "$ids" ] || exit 0
  [ "$attempt" -lt 4 ] || signal=KILL
  # shellcheck disable=SC2086
  kill -s "$signal" $ids 2>/dev/null || :
  # Most end at once.
  sleep 0.1 2>/dev/null || :
  [ -n "$(below)" ] || exit 0
  sleep 1
done

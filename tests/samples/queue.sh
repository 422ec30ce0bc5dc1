#!/usr/bin/env bash
#
# A spool of outgoing parcels kept as one file per job.
#
# Layout of $SPOOL: ready/ holds jobs, dead/ what was given up, stats a tally by outcome.
# A job's name is PRIORITY-DUE-ID, so that a plain glob already yields the order of delivery.

set -euo pipefail

readonly SPOOL=${SPOOL:-/var/spool/parcels}
readonly MAX_TRIES=5
declare -A tally=([sent]=0 [retried]=0 [expired]=0 [buried]=0)

# Print a line to standard error, with the time.
log() {
  printf '%(%FT%T)T %s\n' -1 "$*" >&2
}

# Seconds to wait before try number $1: doubles from 2, never above 300.
backoff_for() {
  local -i wait=$((2 ** $1))
  echo $((wait > 300 ? 300 : wait))
}

# Put a job in the spool.
# Arguments: id, priority (0 first, 9 last), seconds until the deadline; the payload on standard input.
post() {
  local id=$1 priority=$2 ttl=$3 now=$EPOCHSECONDS
  if [[ ! $id =~ ^[a-z0-9_]+$ || ! $priority =~ ^[0-9]$ ]]; then
    log "post: bad id or priority: '$id' '$priority'"
    return 2
  fi
  mkdir -p "$SPOOL"/{ready,dead}
  local draft="$SPOOL/.draft.$id"
  { printf 'tries=0\ndeadline=%d\n---\n' $((now + ttl)); cat; } >"$draft"
  mv "$draft" "$SPOOL/ready/$priority-$now-$id"
}

# Deliver every job that is due, by the command given as arguments; the payload is its standard input.
# Returns 1 when something was buried, for the benefit of cron's mail.
drain() {
  local job name priority due id tries deadline
  local -i code wait now
  shopt -s nullglob
  for job in "$SPOOL"/ready/*; do
    name=${job##*/}
    IFS=- read -r priority due id <<<"$name"
    now=$EPOCHSECONDS
    if ((due > now)); then
      continue
    fi
    tries=$(sed -n 's/^tries=//p;/^---$/q' "$job")
    deadline=$(sed -n 's/^deadline=//p;/^---$/q' "$job")
    if ((deadline < now)); then
      log "$id: deadline missed by $((now - deadline)) s"
      mv "$job" "$SPOOL/dead/$id.expired"
      tally[expired]=$((tally[expired] + 1))
      continue
    fi
    code=0
    sed '1,/^---$/d' "$job" | "$@" || code=$?
    case $code in
      0)
        rm -- "$job"
        tally[sent]=$((tally[sent] + 1))
        ;;
      75) # EX_TEMPFAIL: the far end asked for patience
        tries=$((tries + 1))
        if ((tries >= MAX_TRIES)); then
          log "$id: no luck after $tries tries, déjà vu"
          mv "$job" "$SPOOL/dead/$id.exhausted"
          tally[buried]=$((tally[buried] + 1))
        else
          wait=$(backoff_for "$tries")
          sed -i "1,/^---\$/s/^tries=.*/tries=$tries/" "$job"
          mv "$job" "$SPOOL/ready/$priority-$((now + wait))-$id"
          tally[retried]=$((tally[retried] + 1))
        fi
        ;;
      *)
        log "$id: refused with status $code"
        mv "$job" "$SPOOL/dead/$id.refused"
        tally[buried]=$((tally[buried] + 1))
        ;;
    esac
  done
  shopt -u nullglob
  declare -p tally >"$SPOOL/stats"
  ((tally[buried] == 0))
}

usage() {
  cat <<-HELP
	usage: ${0##*/} post ID PRIORITY TTL <payload
	       ${0##*/} drain COMMAND [ARGUMENT...]
	HELP
}

case ${1:-} in
  post | drain) "$@" ;;
  *) usage ;;
esac

# SPDX-License-Identifier: Apache-2.0
# bash completion for hyperscale and hyperscaled. It asks the program what there is, so it cannot fall behind.
_hyperscale() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]:-} words
    local topic=("$verb")
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$("$program" help 2> /dev/null | sed -n 's/^  \([a-z][a-z]*\) .*$/\1/p' | sort -u)
    elif [ "$COMP_CWORD" -eq 2 ] && [[ $verb == ca || $verb == keyring ]]; then
        words=$("$program" help "$verb" 2> /dev/null | sed -n "s/^usage: hyperscale $verb \([a-z]*\) .*\$/\1/p")
    elif [[ $word == -* ]]; then
        [[ $verb != ca && $verb != keyring ]] || topic=("$verb" "${COMP_WORDS[2]:-}")
        words=$("$program" help "${topic[@]}" 2> /dev/null | grep -oE -e '(^|[ ,|[])--?[a-zA-Z][a-z-]*' | tr -d ' ,|[')
    fi
    mapfile -t COMPREPLY < <(compgen -W "${words:-}" -- "$word")
    [ "${#COMPREPLY[@]}" -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -F _hyperscale hyperscale hyperscaled

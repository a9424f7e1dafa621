# Bash completion of okta-rollout: asks the program itself what may follow.
_okta_rollout() {
    # Bash splits words at = and :, too, which belong to ours: join again what no blank is between.
    local rest=${COMP_LINE} words=() piece blanks i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        blanks=${rest%%[![:space:]]*}
        rest=${rest#"$blanks"}
        rest=${rest#"$piece"}
        ((i < COMP_CWORD)) || piece=$2
        if ((i == 0)) || [[ $blanks ]]; then
            words+=("$piece")
        else
            words[${#words[@]}-1]+=$piece
        fi
    done
    # Bash replaces the last piece only.
    local word=${words[${#words[@]}-1]} line
    local before=${word%"$2"}
    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        [[ $line == *[=/] ]] && compopt -o nospace
        [[ -e $line ]] && compopt -o filenames
        COMPREPLY+=("${line#"$before"}")
    done < <("$1" complete -- "${words[@]}" 2>/dev/null)
}
complete -F _okta_rollout okta-rollout

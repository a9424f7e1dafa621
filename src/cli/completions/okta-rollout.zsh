#compdef okta-rollout
# Zsh completion of okta-rollout: asks the program itself what may follow.
_okta_rollout() {
    local line value help
    local -a ended ended_shown open open_shown
    for line in "${(@f)$("${words[1]}" complete -- "${(@)words[1,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        [[ -n $value ]] || continue
        help=${line#"$value"}
        help=${help#$'\t'}
        help=$value${help:+  -- $help}
        if [[ $value == *[=/] ]]; then
            open+=("$value") open_shown+=("$help")
        else
            ended+=("$value") ended_shown+=("$help")
        fi
    done
    ((${#open})) && compadd -l -S '' -d open_shown -- "${open[@]}"
    ((${#ended})) && compadd -l -d ended_shown -- "${ended[@]}"
    return 0
}
if [[ ${funcstack[1]} == _okta_rollout ]]; then
    _okta_rollout "$@"
else
    compdef _okta_rollout okta-rollout
fi

# bash completion for reevectl(1), which knows itself what may come next
_reevectl() {
    local words word rest
    # Not COMP_WORDS: bash takes web@0 and --json=short apart, and replaces what is behind the sign.
    IFS=$' \t\n' read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=("")
    word=${words[-1]} rest=${words[-1]}
    while [[ $rest == *["$COMP_WORDBREAKS"]* ]]; do rest=${rest#*["$COMP_WORDBREAKS"]}; done
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(compgen -W "$(reevectl complete -- "${words[@]:1}" 2>/dev/null)" \
        -- "$word")
    COMPREPLY=("${COMPREPLY[@]#"${word%"$rest"}"}")
}
complete -o default -F _reevectl reevectl

# bash completion for reevectl(1), which knows itself what may come next
_reevectl() {
    local IFS=$'\n'
    mapfile -t COMPREPLY < <(compgen -W "$(reevectl complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" \
        2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _reevectl reevectl

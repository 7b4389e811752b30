# shellcheck shell=bash

# Words that fit, files or folders into COMPREPLY; $1: what was typed of it, the rest as _realipctl_value says it.
_realipctl_offer() {
    local typed=$1 kind=${2-}
    shift 2 || return 0
    case $kind in
        file) mapfile -t COMPREPLY < <(compgen -f -- "$typed") && compopt -o filenames 2>/dev/null ;;
        folder) mapfile -t COMPREPLY < <(compgen -d -- "$typed") && compopt -o filenames 2>/dev/null ;;
        word) mapfile -t COMPREPLY < <(compgen -W "$*" -- "$typed") ;;
    esac
    return 0
}

_realipctl() {
    local typed=${COMP_WORDS[COMP_CWORD]} before='' subcommand='' i
    local -a value=() argument=()
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        before=${COMP_WORDS[i]}
        [ -n "$subcommand" ] && continue
        case $before in
            -c) ((i + 1 < COMP_CWORD)) && ((i++)) && before='' ;;
            -*) ;;
            *) subcommand=$before ;;
        esac
    done
    read -ra value <<<"$(_realipctl_value "$subcommand" "$before")"
    if [ ${#value[@]} != 0 ]; then
        _realipctl_offer "$typed" "${value[@]}"
    elif [[ $typed == -* ]]; then
        _realipctl_offer "$typed" word "$(_realipctl_options "$subcommand")"
    else
        read -ra argument <<<"$(_realipctl_argument "$subcommand")"
        [ ${#argument[@]} = 0 ] || _realipctl_offer "$typed" "${argument[@]}"
    fi
}

complete -F _realipctl realipctl

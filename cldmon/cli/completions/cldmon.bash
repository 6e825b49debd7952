_cldmon_completion() {
    local IFS=$'\n'
    local response

    # bash splits `--account=al` into three words.
    local word words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        [[ $word == = ]] || words+=("$word")
    done
    words+=("${COMP_WORDS[COMP_CWORD]#=}")

    response=$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) _CLDMON_COMPLETE=bash_complete $1)

    for completion in $response; do
        IFS=',' read type value <<< "$completion"

        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=($value)
        fi
    done

    return 0
}

_cldmon_completion_setup() {
    complete -o nosort -F _cldmon_completion cldmon
}

_cldmon_completion_setup;

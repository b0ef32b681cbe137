/**
 * What bash, zsh and fish load. A script holds no verbs: at each TAB it asks `netwright -q completion SHELL -- WORD…`, which knows them and the names of what is there.
 * An answer is one candidate a line, with a tab and its description for zsh and fish; a line that begins with a tab asks the shell for files or directories.
 * Source: bash(1), Programmable Completion; zshcompsys(1); complete(1) of fish.
 */

export type Shell = 'bash' | 'zsh' | 'fish'

const bash = `# netwright in bash: source <(netwright completion bash), or as /usr/share/bash-completion/completions/netwright
_netwright () {
  local each program=\${COMP_WORDS[0]/#\\~/$HOME}
  COMPREPLY=()
  while IFS= read -r each; do
    case $each in
      $'\\tfile') compopt -o default ;;
      $'\\tdirectory') compopt -o dirnames ;;
      *) COMPREPLY+=("$each") ;;
    esac
  done < <("$program" -q completion bash -- "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _netwright netwright
`

const zsh = `#compdef netwright
# netwright in zsh: as _netwright in a directory of $fpath, or source <(netwright completion zsh)
_netwright () {
  local each program=\${~\${(Q)words[1]}}
  local -a found
  for each in "\${(@f)$("$program" -q completion zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}"; do
    case $each in
      ('') ;;
      ($'\\tfile') compset -P '--[^=]#='; _files ;;
      ($'\\tdirectory') compset -P '--[^=]#='; _files -/ ;;
      (*) found+=("\${\${each%%$'\\t'*}//:/\\\\:}:\${each#*$'\\t'}") ;;
    esac
  done
  (( $#found )) && _describe -V netwright found
}
if [ "$funcstack[1]" = _netwright ]; then _netwright "$@"; else compdef _netwright netwright; fi
`

const fish = `# netwright in fish: netwright completion fish | source, or as ~/.config/fish/completions/netwright.fish
function __netwright_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    for each in ($program -q completion fish -- $words "$current" 2>/dev/null)
        switch $each
            case \\tfile
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
            case \\tdirectory
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$current")
            case '*'
                printf '%s\\n' $each
        end
    end
end
complete -c netwright -f -a '(__netwright_complete)'
`

export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish }

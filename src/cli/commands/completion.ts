/** Scripts for the completion of the shells, as `kubectl completion`. */
import type { Command } from '../command.js'

const shells = ['bash', 'zsh', 'fish'] as const

export const command: Command = {
  name: 'completion',
  group: 'Netwright itself',
  summary: 'print the script that completes netwright in a shell',
  description: 'Completes verbs, options, and the names of networks, bridges and links that there are.\n\n' +
    'bash: source <(netwright completion bash) in ~/.bashrc, or write it to /usr/share/bash-completion/completions/netwright.\n\n' +
    'zsh: source <(netwright completion zsh) in ~/.zshrc after compinit, or write it to a file _netwright in a directory of $fpath.\n\n' +
    'fish: netwright completion fish > ~/.config/fish/completions/netwright.fish',
  parameters: [
    { kind: 'data', name: 'shell', value: shells.join('|'), choices: shells, description: 'the shell' },
    { kind: 'rest', name: 'words', description: 'a line that is being typed: prints what may follow instead, which is how the script asks' },
  ],
  run: async (values, context) => {
    const name = values.data('shell')
    const shell = shells.find((each) => each === name) ?? 'bash'
    const words = values.rest('words')
    if (words.length === 0) {
      const { scripts } = await import('../completion/scripts.js')
      context.print(scripts[shell])
      return
    }
    const { answer } = await import('../completion/answer.js')
    const lines = await answer(shell, words, context)
    context.print(lines.map((line) => `${line}\n`).join(''))
  },
}

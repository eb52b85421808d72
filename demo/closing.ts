/** The demo's closing message. */
export function closing({ seconds, stay }: { readonly seconds: number; readonly stay: boolean }): string {
  const [state, ...hints] = stay
    ? ['the servers stay up until you end the demo']
    : [
        'nothing is left running',
        '  npm run demo -- --stay          keep the servers up, and run shipit yourself',
      ]
  return `
The demo took ${seconds.toFixed(0)} s, and ${state}. To try more:
${[
  '  npm run demo -- --servers 10    more servers',
  ...hints,
  '  less shipitfile.example.ts      the shipitfile used here; copy it to start your own',
].join('\n')}`
}

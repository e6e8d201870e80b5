/** A document of the console as a person would write it: the generated text indents the first line of each part too far. */
export function documentText(document: { toString(): string }): string {
  return document
    .toString()
    .trim()
    .replaceAll(/\n {4}(?=fragment \w+ on )/g, '\n\n')
}

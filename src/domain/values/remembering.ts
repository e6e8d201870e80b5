// Answers that are kept, for questions that most requests ask again.

/**
 * The function `answer`, which must depend on its argument alone, with its answers kept for arguments that come again. It keeps
 * `most` of them; when there are more it forgets all, so that strangers cannot fill the memory.
 */
export function remembering<Argument, Answer>(
  most: number,
  answer: (argument: Argument) => Answer,
): (argument: Argument) => Answer {
  const kept = new Map<Argument, Answer>()
  return (argument) => {
    const known = kept.get(argument)
    if (known !== undefined || kept.has(argument)) return known as Answer
    if (kept.size >= most) kept.clear()
    const made = answer(argument)
    kept.set(argument, made)
    return made
  }
}

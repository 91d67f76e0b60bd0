/** The known name that was probably meant: same letters but for case and separators, cut short, or a slip away. */
export function suggestName(name: string, known: readonly string[]): string | undefined {
  const wanted = fold(name);
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceTo(wanted, fold(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  // A third of the letters wrong is another word, not a slip.
  return best && best.distance <= Math.max(1, Math.floor(wanted.length / 3)) ? best.candidate : undefined;
}

/** `; did you mean "x"?`, or nothing where no known name is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const suggestion = suggestName(name, known);
  return suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
}

/** A name without its end (`idle` for `idleMs`, `key` is too short to tell) counts as one slip. */
function distanceTo(wanted: string, candidate: string): number {
  return wanted.length > 3 && candidate.startsWith(wanted)
    ? Math.min(1, candidate.length - wanted.length)
    : editDistance(wanted, candidate);
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, '');
}

/** Insertions, deletions, substitutions and swaps of neighbours between two short names. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}

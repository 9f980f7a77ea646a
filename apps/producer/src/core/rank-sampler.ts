/**
 * Makes a function from a random number in [0, 1) to a rank in 1..`count`, where rank k is drawn in proportion to
 * 1 / k^`exponent` (Zipf's law); with exponent 0 all ranks are alike.
 *
 * Takes 8 bytes a rank unless the exponent is 0.
 */
export function createRankSampler(count: number, exponent: number): (random: number) => number {
  if (exponent === 0) return (random) => 1 + Math.floor(random * count);
  const cumulativeWeights = new Float64Array(count);
  let totalWeight = 0;
  for (let rank = 1; rank <= count; rank++) {
    totalWeight += rank ** -exponent;
    cumulativeWeights[rank - 1] = totalWeight;
  }
  return (random) => {
    const wanted = random * totalWeight;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulativeWeights[middle] ?? totalWeight) > wanted) high = middle;
      else low = middle + 1;
    }
    return low + 1;
  };
}

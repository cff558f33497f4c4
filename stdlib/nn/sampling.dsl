// From logits to a choice.

/// The position of the greatest logit, the first of equal ones.
///
/// Shapes: logits [...L, Vocab] -> i32 [...L].
function greedy[T: float, Vocab, ...L](logits: T[...L, Vocab]) -> i32[...L] {
  return y[...l] = i32(argmax(v) logits[...l, v])
}

/// The logits that are among the k greatest; the others become -inf. Those equal to the k-th all stay; k < 1 keeps all.
///
/// Shapes: logits [...L, Vocab] -> the same. The k-th greatest is found by halving the interval it lies in until
/// its ends are neighbouring numbers: some thirty readings of the logits, and no sorting.
/// Source: Fan, Lewis and Dauphin, "Hierarchical neural story generation", ACL 2018, section 5.1.
function top_k[T: float, Vocab, ...L](logits: T[...L, Vocab], k: i32) -> T[...L, Vocab] {
  let x = stop_gradient(logits)
  let high[...l] = max(v) x[...l, v]
  let least[...l] = min(v) x[...l, v]
  let number[...l] = sum(v) where(x[...l, v] >= high[...l], i32(1), 0)
  let low = where(number >= k, high, maximum(least, -1e30))
  let (threshold, end) = while k >= 1 && (max(...l) (b[...l] - a[...l])) > 0 bound 200 carry (a = low, b = high) {
    let middle = a + (b - a) / 2
    let found[...l] = sum(v) where(x[...l, v] >= middle[...l], i32(1), 0)
    let settled = middle <= a || middle >= b
    next a = where(!settled && found >= k, middle, a), b = where(settled, a, where(found >= k, b, middle))
  }
  return y[...l, v] = where(k < 1 || logits[...l, v] >= threshold[...l], logits[...l, v], -inf)
}

/// The logits of the fewest most probable choices that together have probability p; the others become -inf. Choices
/// as probable as the last all stay; p >= 1 keeps all.
///
/// Shapes: logits [...L, Vocab] -> the same. The least probability that stays is found as `top_k` finds its logit.
/// Source: Holtzman et al., "The curious case of neural text degeneration", ICLR 2020, section 3.1.
function top_p[T: float, Vocab, ...L](logits: T[...L, Vocab], p: T) -> T[...L, Vocab] {
  let share = stop_gradient(softmax(logits, over: Vocab))
  let high[...l] = max(v) share[...l, v]
  let together[...l] = sum(v) where(share[...l, v] >= high[...l], share[...l, v], 0)
  let low = where(together >= p, high, 0 * high)
  let (threshold, end) = while p < 1 && (max(...l) (b[...l] - a[...l])) > 0 bound 200 carry (a = low, b = high) {
    let middle = a + (b - a) / 2
    let sum_above[...l] = sum(v) where(share[...l, v] >= middle[...l], share[...l, v], 0)
    let settled = middle <= a || middle >= b
    next a = where(!settled && sum_above >= p, middle, a), b = where(settled, a, where(sum_above >= p, b, middle))
  }
  return y[...l, v] = where(p >= 1 || share[...l, v] >= threshold[...l], logits[...l, v], -inf)
}

/// One choice for each row of logits: drawn from softmax(logits / temperature) after `top_k` and `top_p`, or the
/// greatest where the temperature is zero, for which nothing is drawn.
///
/// Shapes: logits [...L, Vocab] -> i32 [...L]. A choice is drawn by adding Gumbel noise to the logits and taking the
/// greatest sum. Source: Maddison, Tarlow and Minka, "A* sampling", NeurIPS 2014, section 2.
function sample[T: float, Vocab, ...L](logits: T[...L, Vocab], temperature: T, k: i32, p: T) -> i32[...L] {
  return if temperature > 0 {
    let kept = top_p(top_k(logits / temperature, k), p)
    let choice[...l] = i32(argmax(v) (kept[...l, v] - log(-log(uniform()))))
    yield choice
  } else {
    yield greedy(logits)
  }
}

// Attention of positions to keys.

/// Attention of each position to the keys near it: all of them, unless `ahead` and `behind` say less.
///
/// Shapes: q [...L, Seq, Heads, ...G, Head], k and v [...L, Keys, Heads, Head] -> [...L, Seq, Heads, ...G, Head]. Along ...G, which
/// may be empty, queries share keys and values (grouped queries).
/// Formula: softmax(q k' / sqrt(Head)) v over the keys t <= s + ahead with s <= t + behind, in `T.wide`. Terms that the mask
/// excludes are not formed at all; a position that sees no key gives NaN.
/// Gradient: the probabilities are computed again from the logarithm of their sum; no score is saved.
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, sections 3.2.1 and 3.2.3; Dao et al.,
/// "FlashAttention", NeurIPS 2022, section 3.1 and appendix B.2; Ainslie et al., "GQA", EMNLP 2023, section 2.2.
composite function attention[T: float, Seq, Keys, Heads, Head, ...L, ...G](q: T[...L, Seq, Heads, ...G, Head],
    k: T[...L, Keys, Heads, Head], v: T[...L, Keys, Heads, Head], ahead: i64 = 1000000000, behind: i64 = 1000000000)
    -> (y: T[...L, Seq, Heads, ...G, Head]) {
  let wq = T.wide(q)
  let wk = T.wide(k)
  let wv = T.wide(v)
  let a[...l, h, ...g, s, t] = (sum(d) wq[...l, s, h, ...g, d] * wk[...l, t, h, d]) / sqrt(Head)
  let m[...l, h, ...g, s] = max(t) where(t <= s + ahead && s <= t + behind, a[...l, h, ...g, s, t], -inf)
  let e[...l, h, ...g, s, t] = where(t <= s + ahead && s <= t + behind,
      exp(a[...l, h, ...g, s, t] - m[...l, h, ...g, s]), 0)
  let z[...l, h, ...g, s] = sum(t) where(t <= s + ahead && s <= t + behind, e[...l, h, ...g, s, t], 0)
  residual total = m + log(z)
  let mixed[...l, s, h, ...g, d] = sum(t) where(t <= s + ahead && s <= t + behind,
      e[...l, h, ...g, s, t] * wv[...l, t, h, d], 0)
  return y[...l, s, h, ...g, d] = T(mixed[...l, s, h, ...g, d] / z[...l, h, ...g, s])
} backward (dy) {
  let wq = T.wide(q)
  let wk = T.wide(k)
  let wv = T.wide(v)
  let wdy = T.wide(dy)
  let a[...l, h, ...g, s, t] = (sum(d) wq[...l, s, h, ...g, d] * wk[...l, t, h, d]) / sqrt(Head)
  let p[...l, h, ...g, s, t] = where(t <= s + ahead && s <= t + behind,
      exp(a[...l, h, ...g, s, t] - total[...l, h, ...g, s]), 0)
  let mean_dp[...l, h, ...g, s] = sum(d) wdy[...l, s, h, ...g, d] * T.wide(y[...l, s, h, ...g, d])
  let dp[...l, h, ...g, s, t] = sum(d) wdy[...l, s, h, ...g, d] * wv[...l, t, h, d]
  let da[...l, h, ...g, s, t] = where(t <= s + ahead && s <= t + behind,
      p[...l, h, ...g, s, t] * (dp[...l, h, ...g, s, t] - mean_dp[...l, h, ...g, s]) / sqrt(Head), 0)
  let dq[...l, s, h, ...g, d] =
      T(sum(t) where(t <= s + ahead && s <= t + behind, da[...l, h, ...g, s, t] * wk[...l, t, h, d], 0))
  let dk[...l, t, h, d] =
      T(sum(...g, s) where(t <= s + ahead && s <= t + behind, da[...l, h, ...g, s, t] * wq[...l, s, h, ...g, d], 0))
  let dv[...l, t, h, d] =
      T(sum(...g, s) where(t <= s + ahead && s <= t + behind, p[...l, h, ...g, s, t] * wdy[...l, s, h, ...g, d], 0))
  return dq, dk, dv
}

/// `attention` in which a position sees itself and what came before.
///
/// Shapes: those of `attention`. Formula: `attention` with ahead = 0.
function causal_attention[T: float, Seq, Keys, Heads, Head, ...L, ...G](q: T[...L, Seq, Heads, ...G, Head],
    k: T[...L, Keys, Heads, Head], v: T[...L, Keys, Heads, Head]) -> T[...L, Seq, Heads, ...G, Head] {
  return attention(q, k, v, ahead: 0)
}

/// Multi-head attention in which a position sees itself and what came before.
///
/// Shapes: x [...L, Seq, Embed] -> the same; parameters query, key, value [Embed, Heads, Head],
/// out [Heads, Head, Embed].
/// Formula: `causal_attention` per head of three projections of x, projected back to Embed.
/// Initial values: normal, mean 0, deviation 0.02.
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2.
layer CausalAttention[T: float, Heads, Head, Seq, Embed, ...L](x: T[...L, Seq, Embed]) -> T[...L, Seq, Embed] {
  param query, key, value: T.wide[Embed, Heads, Head] = normal(std: 0.02)
  param out: T.wide[Heads, Head, Embed] = normal(std: 0.02)
  let q[...l, s, h, d] = sum(e) x[...l, s, e] * T(query[e, h, d])
  let k[...l, s, h, d] = sum(e) x[...l, s, e] * T(key[e, h, d])
  let v[...l, s, h, d] = sum(e) x[...l, s, e] * T(value[e, h, d])
  let mixed = causal_attention(q, k, v)
  return y[...l, s, e] = sum(h, d) mixed[...l, s, h, d] * T(out[h, d, e])
}

/// Attention of groups of heads that share keys and values, to a cache that is filled in the order of positions: query s of
/// sequence b stands at position start[b] + s and sees the keys up to there. The rest of the cache is not read.
///
/// Shapes: q [Batch, Heads, Group, Seq, Head], k and v [Batch, Heads, Keys, Head], start i32 [Batch] -> that of q. Heads
/// counts the heads of keys; one of them serves Group heads of queries.
/// Formula: softmax(q k' / sqrt(Head), over keys t <= start + s) v.
/// Source: Ainslie et al., "GQA: training generalized multi-query transformer models", EMNLP 2023, section 2.2.
function cached_attention[T: float, Batch, Heads, Group, Seq, Keys, Head](q: T[Batch, Heads, Group, Seq, Head],
    k: T[Batch, Heads, Keys, Head], v: T[Batch, Heads, Keys, Head], start: i32[Batch])
    -> T[Batch, Heads, Group, Seq, Head] {
  let a[b, h, g, s, t] = (sum(d) q[b, h, g, s, d] * k[b, h, t, d]) / sqrt(Head)
  let m[b, h, g, s] = stop_gradient(max(t) where(t <= s + i64(start[b]), a[b, h, g, s, t], -inf))
  let e[b, h, g, s, t] = where(t <= s + i64(start[b]), exp(a[b, h, g, s, t] - m[b, h, g, s]), 0)
  let z[b, h, g, s] = sum(t) where(t <= s + i64(start[b]), e[b, h, g, s, t], 0)
  let mixed[b, h, g, s, d] = sum(t) where(t <= s + i64(start[b]), e[b, h, g, s, t] * v[b, h, t, d], 0)
  return y[b, h, g, s, d] = mixed[b, h, g, s, d] / z[b, h, g, s]
}

/// Rows written into a cache of keys or values, in place where the cache is a state: row s of sequence b goes to row
/// place[b, s]. A negative place writes nothing.
///
/// Shapes: cache [Batch, Heads, Keys, Head], rows [Batch, Heads, Seq, Head], place i32 [Batch, Seq] -> that of cache.
function cached[T: number, Batch, Heads, Keys, Seq, Head](cache: T[Batch, Heads, Keys, Head],
    rows: T[Batch, Heads, Seq, Head], place: i32[Batch, Seq]) -> T[Batch, Heads, Keys, Head] {
  return y[b, h, t, d] = scatter set(s) rows[b, h, s, d] at t = place[b, s] into cache
}

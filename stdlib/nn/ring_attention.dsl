// Attention of positions that are spread over ranks: keys and values are passed round.

/// `attention` over some keys more: what is had of others, joined with these. The first key stands `shift` positions behind the
/// first query.
///
/// Shapes: q [...L, Seq, Heads, ...G, Head], k and v [...L, Keys, Heads, Head], greatest and total [...L, Heads, ...G, Seq], mixed
/// that of q -> the last three.
/// Formula: with m the greatest score so far, greatest = m, total = sum exp(a - m), mixed = sum exp(a - m) v, in `T.wide`. To begin
/// with: -inf, 0 and 0.
/// Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, section 3.
function attended[T: float, Seq, Keys, Heads, Head, ...L, ...G](q: T[...L, Seq, Heads, ...G, Head],
    k: T[...L, Keys, Heads, Head], v: T[...L, Keys, Heads, Head], greatest: T.wide[...L, Heads, ...G, Seq],
    total: T.wide[...L, Heads, ...G, Seq], mixed: T.wide[...L, Seq, Heads, ...G, Head], shift: i64, ahead: i64,
    behind: i64)
    -> (T.wide[...L, Heads, ...G, Seq], T.wide[...L, Heads, ...G, Seq], T.wide[...L, Seq, Heads, ...G, Head]) {
  let wq = T.wide(q)
  let wk = T.wide(k)
  let wv = T.wide(v)
  let a[...l, h, ...g, s, t] = (sum(d) wq[...l, s, h, ...g, d] * wk[...l, t, h, d]) / sqrt(Head)
  let own[...l, h, ...g, s] = max(t) where(t + shift <= s + ahead && s <= t + shift + behind, a[...l, h, ...g, s, t],
      -inf)
  let m = maximum(greatest, own)
  let e[...l, h, ...g, s, t] = where(t + shift <= s + ahead && s <= t + shift + behind,
      exp(a[...l, h, ...g, s, t] - m[...l, h, ...g, s]), 0)
  let kept = where(greatest > -inf, exp(greatest - m), 0)
  let z[...l, h, ...g, s] = sum(t) e[...l, h, ...g, s, t]
  let y[...l, s, h, ...g, d] = sum(t) e[...l, h, ...g, s, t] * wv[...l, t, h, d]
  let all[...l, s, h, ...g, d] = mixed[...l, s, h, ...g, d] * kept[...l, h, ...g, s] + y[...l, s, h, ...g, d]
  return m, total * kept + z, all
}

/// What some keys add to the gradients of `attention`, and its gradients of these keys and values.
///
/// Shapes: q and dy [...L, Seq, Heads, ...G, Head], k and v [...L, Keys, Heads, Head], mean_dp and total [...L, Heads, ...G, Seq] ->
/// those of q, k and v, in `T.wide`.
/// Formula: `attention`'s backward, where total is the logarithm of the sum over all keys and mean_dp the sum of dy times y.
/// Source: Dao et al., "FlashAttention", NeurIPS 2022, appendix B.2.
function attended_gradients[T: float, Seq, Keys, Heads, Head, ...L, ...G](q: T[...L, Seq, Heads, ...G, Head],
    k: T[...L, Keys, Heads, Head], v: T[...L, Keys, Heads, Head], dy: T[...L, Seq, Heads, ...G, Head],
    mean_dp: T.wide[...L, Heads, ...G, Seq], total: T.wide[...L, Heads, ...G, Seq], shift: i64, ahead: i64, behind: i64)
    -> (T.wide[...L, Seq, Heads, ...G, Head], T.wide[...L, Keys, Heads, Head], T.wide[...L, Keys, Heads, Head]) {
  let wq = T.wide(q)
  let wk = T.wide(k)
  let wv = T.wide(v)
  let wdy = T.wide(dy)
  let a[...l, h, ...g, s, t] = (sum(d) wq[...l, s, h, ...g, d] * wk[...l, t, h, d]) / sqrt(Head)
  let p[...l, h, ...g, s, t] = where(t + shift <= s + ahead && s <= t + shift + behind,
      exp(a[...l, h, ...g, s, t] - total[...l, h, ...g, s]), 0)
  let dp[...l, h, ...g, s, t] = sum(d) wdy[...l, s, h, ...g, d] * wv[...l, t, h, d]
  let da[...l, h, ...g, s, t] = where(t + shift <= s + ahead && s <= t + shift + behind,
      p[...l, h, ...g, s, t] * (dp[...l, h, ...g, s, t] - mean_dp[...l, h, ...g, s]) / sqrt(Head), 0)
  let dq[...l, s, h, ...g, d] = sum(t) da[...l, h, ...g, s, t] * wk[...l, t, h, d]
  let dk[...l, t, h, d] = sum(...g, s) da[...l, h, ...g, s, t] * wq[...l, s, h, ...g, d]
  let dv[...l, t, h, d] = sum(...g, s) p[...l, h, ...g, s, t] * wdy[...l, s, h, ...g, d]
  return dq, dk, dv
}

/// `attention` where positions are cut over the ranks of Ring: each has the queries, keys and values of its own. Keys and values go once round,
/// a rank further each turn; backwards their gradients go with them, and one turn more, home.
///
/// For a plan: `manual nn.attention(q: [...L, Seq/cp, Heads, ...G, Head], k: [...L, Keys/cp, Heads, Head], v: [...L, Keys/cp, Heads, Head])
/// -> [...L, Seq/cp, Heads, ...G, Head] = nn.ring_attention over cp`.
/// Shapes: those of `attention`, of which a rank has its part of Seq and Keys. No score of other ranks' queries is held.
/// Formula: that of `attention`.
/// Source: Liu, Zaharia and Abbeel, "Ring attention with blockwise transformers for near-infinite context", ICLR 2024, section 3.
local function ring_attention[T: float, Ring: mesh, Turns = Ring - 1, Seq, Keys, Heads, Head, ...L, ...G](
    q: T[...L, Seq, Heads, ...G, Head], k: T[...L, Keys, Heads, Head], v: T[...L, Keys, Heads, Head],
    ahead: i64 = 1000000000, behind: i64 = 1000000000) -> (y: T[...L, Seq, Heads, ...G, Head]) {
  let here = rank(Ring)
  let none: T.wide[...L, Heads, ...G, Seq] = -inf
  let zero: T.wide[...L, Heads, ...G, Seq] = 0
  let nothing: T.wide[...L, Seq, Heads, ...G, Head] = 0
  let (m0, z0, y0) = attended(q, k, v, none, zero, nothing, here * (Keys - Seq), ahead, behind)
  let (last_k, last_v, m, z, mixed) = scan turn over Turns carry (k1 = k, v1 = v, m1 = m0, z1 = z0, y1 = y0) {
    let k2 = permute(k1, over: Ring)
    let v2 = permute(v1, over: Ring)
    let from = (here - turn - 1 + Ring) % Ring
    let (m2, z2, y2) = attended(q, k2, v2, m1, z1, y1, from * Keys - here * Seq, ahead, behind)
    next k1 = k2, v1 = v2, m1 = m2, z1 = z2, y1 = y2
  }
  residual total = m + log(z)
  return y[...l, s, h, ...g, d] = T(mixed[...l, s, h, ...g, d] / z[...l, h, ...g, s])
} backward (dy) {
  let here = rank(Ring)
  let mean_dp[...l, h, ...g, s] = sum(d) T.wide(dy[...l, s, h, ...g, d]) * T.wide(y[...l, s, h, ...g, d])
  let (dq0, dk0, dv0) = attended_gradients(q, k, v, dy, mean_dp, total, here * (Keys - Seq), ahead, behind)
  let (last_k, last_v, dk, dv, dq) = scan turn over Turns carry (k1 = k, v1 = v, dk1 = dk0, dv1 = dv0, dq1 = dq0) {
    let k2 = permute(k1, over: Ring)
    let v2 = permute(v1, over: Ring)
    let from = (here - turn - 1 + Ring) % Ring
    let (dq2, dk2, dv2) = attended_gradients(q, k2, v2, dy, mean_dp, total, from * Keys - here * Seq, ahead, behind)
    next k1 = k2, v1 = v2
    next dk1 = permute(dk1, over: Ring) + dk2, dv1 = permute(dv1, over: Ring) + dv2, dq1 = dq1 + dq2
  }
  return T(dq), T(permute(dk, over: Ring)), T(permute(dv, over: Ring))
}

// One token of a Llama-shaped model against a key/value cache: row `decode` of `./dev bench train-cpu`.
// The cache is full but for its last Room positions, which the steps fill over and over.
import nn

axis Embed = 1024, Heads = 16, Groups = 4, Head = Embed / Heads, Half = Head / 2, Share = Heads / Groups
axis Hidden = 2816, Layers = 8, Vocab = 32000, Cache = 1024, Room = 64, One = 1
hyper base: f64 = 10000

data tokens = npy("tokens.npy")

/// Turns each pair (i, i + Half) by the angle position * base^(-2 i / Head).
/// Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021, section 3.2.2.
function rotary[H](x: f32[H, Head], position: i64) -> f32[H, Head] {
  let angle[i: Half] = f32(f64(position) * pow(base, -2 * f64(i) / Head))
  let c[i] = cos(angle[i])
  let s[i] = sin(angle[i])
  return y[h, d: Head] = x[h, d] * c[d % Half] + where(d < Half, -1, 1) * x[h, (d + Half) % Head] * s[d % Half]
}

/// Attention of one position to the cache; each group of Share query heads shares a key head and a value head.
/// Source: Ainslie et al., "GQA: training generalized multi-query transformer models", EMNLP 2023, section 2.2.
layer Attention(x: f32[Embed], position: i64) -> f32[Embed] {
  param query: f32[Embed, Heads, Head] = normal(std: 0.02)
  param key, value: f32[Embed, Groups, Head] = normal(std: 0.02)
  param out: f32[Heads, Head, Embed] = normal(std: 0.02)
  state keys, values: f32[Groups, Cache, Head] = normal()
  let q0[h, d] = sum(e) x[e] * query[e, h, d]
  let k0[g, d] = sum(e) x[e] * key[e, g, d]
  let v[g, d] = sum(e) x[e] * value[e, g, d]
  let q = rotary(q0, position)
  let k = rotary(k0, position)
  set keys[g: Groups, t: Cache, d: Head] = scatter set() k[g, d] at t = position into keys
  set values[g: Groups, t: Cache, d: Head] = scatter set() v[g, d] at t = position into values
  let a[g: Groups, r: Share, t: Cache] =
      where(t <= position, (sum(d) q[g * Share + r, d] * keys[g, t, d]) / sqrt(Head), -inf)
  let p = nn.row_softmax(a)
  let mixed[g, r, d] = sum(t) p[g, r, t] * values[g, t, d]
  return y[e] = sum(h, d) mixed[h / Share, h % Share, d] * out[h, d, e]
}

layer Block(x: f32[Embed], position: i64) -> f32[Embed] {
  layer norm1, norm2 = nn.RmsNorm[Embed]
  layer attention = Attention
  layer gate, up = nn.Projection[Embed, Hidden]
  layer down = nn.Projection[Hidden, Embed]
  let h = x + attention(norm1(x), position)
  let n = norm2(h)
  return h + down(nn.silu(gate(n)) * up(n))
}

layer Llama(token: i32, position: i64) -> f32[Vocab] {
  layer embedding = nn.Embedding[Vocab, Embed]
  repeat blocks[Layers] = Block
  layer norm = nn.RmsNorm[Embed]
  layer head = nn.Projection[Embed, Vocab]
  return head(norm(blocks(embedding(token), position)))
}

layer llama = Llama

/// The most likely next token, and as the loss the negative logarithm of its probability.
entry train(text: i32[One] from tokens in order) -> (loss: f32, next_token: i32) {
  let logits = llama(text[0], Cache - Room + step % Room)
  let greatest = max(v) logits[v]
  let best = argmax(v) logits[v]
  return log(sum(v) exp(logits[v] - greatest)), i32(best)
}

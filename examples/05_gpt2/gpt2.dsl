// 05: a GPT-2-shaped model that reads published weights and generates with a cache of keys and values.
// Try: cleave generate examples/05_gpt2/gpt2.dsl --weights FOLDER --prompt "Once upon a time"
//
// Shows: query, key and value in one tensor of the file, a head that is the embedding's table, names under a prefix.
// Sizes are those of GPT-2 small.
import nn

axis Batch = 1, Seq = 64, Positions = 1024, Context = 1024
axis Vocab = 50257, Embed = 768, Heads = 12, Head = Embed / Heads, Hidden = 4 * Embed, Layers = 12
axis One = 1

/// Attention to all that was seen. New keys and values go to their places in the cache first.
layer Attention(x: f32[Batch, Seq, Embed], start: i32[Batch], place: i32[Batch, Seq]) -> f32[Batch, Seq, Embed] {
  param query, key, value: f32[Embed, Heads, Head] = normal(std: 0.02)
  param query_bias, key_bias, value_bias: f32[Heads, Head] = 0
  param out: f32[Heads, Head, Embed] = normal(std: 0.02)
  param out_bias: f32[Embed] = 0
  state keys, values: f32[Batch, Heads, Context, Head] = 0
  let q[b, h, g: One, s, d] = (sum(e) x[b, s, e] * query[e, h, d]) + query_bias[h, d]
  let k[b, h, s, d] = (sum(e) x[b, s, e] * key[e, h, d]) + key_bias[h, d]
  let v[b, h, s, d] = (sum(e) x[b, s, e] * value[e, h, d]) + value_bias[h, d]
  set keys = nn.cached(keys, k, place)
  set values = nn.cached(values, v, place)
  let mixed = nn.cached_attention(q, keys, values, start)
  return y[b, s, e] = (sum(h, g, d) mixed[b, h, g, s, d] * out[h, d, e]) + out_bias[e]
}

layer Block(x: f32[Batch, Seq, Embed], start: i32[Batch], place: i32[Batch, Seq]) -> f32[Batch, Seq, Embed] {
  layer norm1, norm2 = nn.LayerNorm[Embed]
  layer attention = Attention
  layer up = nn.Linear[Embed, Hidden]
  layer down = nn.Linear[Hidden, Embed]
  let h = x + attention(norm1(x), start, place)
  return h + down(nn.gelu(up(norm2(h))))
}

/// The logits behind the last of `count` tokens that begin at position `start` of each sequence.
layer Gpt2(tokens: i32[Batch, Seq], start: i32[Batch], count: i32[Batch]) -> f32[Batch, Vocab] {
  layer embedding = nn.Embedding[Vocab, Embed]
  param positions: f32[Positions, Embed] = normal(std: 0.02)
  repeat blocks[Layers] = Block
  layer norm = nn.LayerNorm[Embed]
  assert((max(b) (start[b] + count[b])) <= Context, "the cache of keys and values is full")
  let position[b, s: Seq] = start[b] + i32(s)
  let place[b, s] = where(i32(s) < count[b], position[b, s], -1)
  let word = embedding(tokens)
  let at[b, s] = maximum(0, minimum(position[b, s], Positions - 1)) // behind the last of `count` anything will do
  let x[b, s, e] = word[b, s, e] + positions[at[b, s], e]
  let y = blocks(x, start, place)
  let last[b, e] = y[b, maximum(count[b], 1) - 1, e]
  let z = norm(last)
  return logits[b, v] = sum(e) z[b, e] * embedding.table[v, e]
}

layer gpt2 = Gpt2

/// Reads the next `count` tokens of each prompt, and draws what follows them.
entry prefill(tokens: i32[Batch, Seq], start: i32[Batch], count: i32[Batch], temperature: f32, top_k: i32, top_p: f32)
    -> (token: i32[Batch], logits: f32[Batch, Vocab]) {
  let logits = gpt2(tokens, start, count)
  return nn.sample(logits, temperature, top_k, top_p), logits
}

/// The same for one token of each sequence.
entry decode with (Seq = 1) (tokens: i32[Batch, Seq], start: i32[Batch], count: i32[Batch], temperature: f32,
    top_k: i32, top_p: f32) -> (token: i32[Batch], logits: f32[Batch, Vocab]) {
  let logits = gpt2(tokens, start, count)
  return nn.sample(logits, temperature, top_k, top_p), logits
}

weights huggingface for gpt2 from f16, bf16 under "", "transformer." {
  param embedding.table[v, e] = "wte.weight"[v, e]
  param positions[p, e] = "wpe.weight"[p, e]
  param blocks[i].norm1.gain[e] = "h.{i}.ln_1.weight"[e]
  param blocks[i].norm1.offset[e] = "h.{i}.ln_1.bias"[e]
  param blocks[i].attention.query[e, h, d] = "h.{i}.attn.c_attn.weight"[e, (h, d)]
  param blocks[i].attention.key[e, h, d] = "h.{i}.attn.c_attn.weight"[e, (h, d) + Embed]
  param blocks[i].attention.value[e, h, d] = "h.{i}.attn.c_attn.weight"[e, (h, d) + 2 * Embed]
  param blocks[i].attention.query_bias[h, d] = "h.{i}.attn.c_attn.bias"[(h, d)]
  param blocks[i].attention.key_bias[h, d] = "h.{i}.attn.c_attn.bias"[(h, d) + Embed]
  param blocks[i].attention.value_bias[h, d] = "h.{i}.attn.c_attn.bias"[(h, d) + 2 * Embed]
  param blocks[i].attention.out[h, d, e] = "h.{i}.attn.c_proj.weight"[(h, d), e]
  param blocks[i].attention.out_bias[e] = "h.{i}.attn.c_proj.bias"[e]
  param blocks[i].norm2.gain[e] = "h.{i}.ln_2.weight"[e]
  param blocks[i].norm2.offset[e] = "h.{i}.ln_2.bias"[e]
  param blocks[i].up.w[e, f] = "h.{i}.mlp.c_fc.weight"[e, f]
  param blocks[i].up.b[f] = "h.{i}.mlp.c_fc.bias"[f]
  param blocks[i].down.w[f, e] = "h.{i}.mlp.c_proj.weight"[f, e]
  param blocks[i].down.b[e] = "h.{i}.mlp.c_proj.bias"[e]
  param norm.gain[e] = "ln_f.weight"[e]
  param norm.offset[e] = "ln_f.bias"[e]
  // The masks of old files, and the head, which is the embedding's table.
  ignore "*.attn.bias", "*.attn.masked_bias", "lm_head.weight"
}

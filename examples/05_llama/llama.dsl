// 05: a Llama-style model that reads published weights and generates with a cache of keys and values.
// Try: cleave run examples/05_llama/llama.dsl --weights FOLDER --tokenizer FOLDER/tokenizer.json --prompt "Once upon"
//
// Shows: the mapping of Hugging Face's weights, rotary positions, grouped-query attention, a cache as state, prefill
// and decode, batches of prompts of different lengths, sampling.
// Sizes are those of Llama 3.2 1B: for another model --set Embed=... and so on, as its config.json says.
import nn

axis Batch = 1, Seq = 64, Context = 1024
axis Vocab = 128256, Embed = 2048, KeyHeads = 8, Group = 4, Head = 64, Hidden = 8192, Layers = 16

hyper epsilon: f32 = 1e-5
hyper rope_base: f32 = 500000.0, rope_factor: f32 = 32.0, rope_slow: f32 = 1.0, rope_fast: f32 = 4.0
hyper rope_trained: f32 = 8192.0

/// Grouped-query attention to all that was seen. New keys and values go to their places in the cache first.
layer Attention(x: f32[Batch, Seq, Embed], start: i32[Batch], place: i32[Batch, Seq], cosine: f32[Batch, Seq, Head],
    sine: f32[Batch, Seq, Head]) -> f32[Batch, Seq, Embed] {
  param query: f32[Embed, KeyHeads, Group, Head] = normal(std: 0.02)
  param key, value: f32[Embed, KeyHeads, Head] = normal(std: 0.02)
  param out: f32[KeyHeads, Group, Head, Embed] = normal(std: 0.02)
  state keys, values: f32[Batch, KeyHeads, Context, Head] = 0
  let q[b, h, g, s, d] = sum(e) x[b, s, e] * query[e, h, g, d]
  let k[b, h, s, d] = sum(e) x[b, s, e] * key[e, h, d]
  let v[b, h, s, d] = sum(e) x[b, s, e] * value[e, h, d]
  set keys = nn.cached(keys, nn.rotary(k, cosine, sine), place)
  set values = nn.cached(values, v, place)
  let mixed = nn.cached_attention(nn.rotary(q, cosine, sine), keys, values, start)
  return y[b, s, e] = sum(h, g, d) mixed[b, h, g, s, d] * out[h, g, d, e]
}

layer Block(x: f32[Batch, Seq, Embed], start: i32[Batch], place: i32[Batch, Seq], cosine: f32[Batch, Seq, Head],
    sine: f32[Batch, Seq, Head]) -> f32[Batch, Seq, Embed] {
  layer norm1, norm2 = nn.RmsNorm[Embed]
  layer attention = Attention
  layer mlp = nn.SwiGlu[Hidden]
  let h = x + attention(norm1(x, epsilon: epsilon), start, place, cosine, sine)
  return h + mlp(norm2(h, epsilon: epsilon))
}

/// The logits behind the last of `count` tokens that begin at position `start` of each sequence.
layer Llama(tokens: i32[Batch, Seq], start: i32[Batch], count: i32[Batch]) -> f32[Batch, Vocab] {
  layer embedding = nn.Embedding[Vocab, Embed]
  repeat blocks[Layers] = Block
  layer norm = nn.RmsNorm[Embed]
  layer head = nn.Projection[Embed, Vocab]
  assert((max(b) (start[b] + count[b])) <= Context, "the cache of keys and values is full: --set Context")
  let position[b, s: Seq] = start[b] + i32(s)
  let place[b, s] = where(i32(s) < count[b], position[b, s], -1)
  let frequencies = nn.stretched_frequencies(head: Head, base: rope_base, factor: rope_factor, slow: rope_slow,
      fast: rope_fast, trained: rope_trained)
  let (cosine, sine) = nn.rotary_table(position, frequencies)
  let x = blocks(embedding(tokens), start, place, cosine, sine)
  let last[b, e] = x[b, maximum(count[b], 1) - 1, e]
  return head(norm(last, epsilon: epsilon))
}

layer llama = Llama

/// Reads the next `count` tokens of each prompt, and draws what follows them.
entry prefill(tokens: i32[Batch, Seq], start: i32[Batch], count: i32[Batch], temperature: f32, top_k: i32, top_p: f32)
    -> (token: i32[Batch], logits: f32[Batch, Vocab]) {
  let logits = llama(tokens, start, count)
  return nn.sample(logits, temperature, top_k, top_p), logits
}

/// The same for one token of each sequence.
entry decode with (Seq = 1) (tokens: i32[Batch, Seq], start: i32[Batch], count: i32[Batch], temperature: f32,
    top_k: i32, top_p: f32) -> (token: i32[Batch], logits: f32[Batch, Vocab]) {
  let logits = llama(tokens, start, count)
  return nn.sample(logits, temperature, top_k, top_p), logits
}

weights huggingface for llama from bf16, f16 {
  param embedding.table[v, e] = "model.embed_tokens.weight"[v, e]
  param blocks[i].norm1.gain[e] = "model.layers.{i}.input_layernorm.weight"[e]
  param blocks[i].attention.query[e, h, g, d] = "model.layers.{i}.self_attn.q_proj.weight"[(h, g, d), e]
  param blocks[i].attention.key[e, h, d] = "model.layers.{i}.self_attn.k_proj.weight"[(h, d), e]
  param blocks[i].attention.value[e, h, d] = "model.layers.{i}.self_attn.v_proj.weight"[(h, d), e]
  param blocks[i].attention.out[h, g, d, e] = "model.layers.{i}.self_attn.o_proj.weight"[e, (h, g, d)]
  param blocks[i].norm2.gain[e] = "model.layers.{i}.post_attention_layernorm.weight"[e]
  param blocks[i].mlp.gate[e, f] = "model.layers.{i}.mlp.gate_proj.weight"[f, e]
  param blocks[i].mlp.up[e, f] = "model.layers.{i}.mlp.up_proj.weight"[f, e]
  param blocks[i].mlp.down[f, e] = "model.layers.{i}.mlp.down_proj.weight"[e, f]
  param norm.gain[e] = "model.norm.weight"[e]
  // Smaller models use the table of the embedding here.
  param head.w[e, v] = "lm_head.weight"[v, e] else "model.embed_tokens.weight"[v, e]
  ignore "*.rotary_emb.inv_freq"
}

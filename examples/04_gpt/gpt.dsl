// 04: a byte-level GPT on the licence texts of the base system.
// Try: cleave run examples/04_gpt/gpt.dsl --steps 800 --sample
//
// Shows: data files, a repeat of layers, attention, a learning-rate schedule, clipping, sampling by a scan.
// On two ranks: --plan halves. With parts of each window on each: --plan ring --mesh cp=2. On four: --plan grid.
// What they move and why: cleave explain examples/04_gpt/gpt.dsl --plan grid
// The benchmark's size: --set Batch=8 --set Seq=256 --set Embed=384 --set Heads=6 --set Layers=6
import nn
import optim

axis Batch = 16, Seq = 128, Window = Seq + 1, Vocab = 256
axis Embed = 192, Heads = 6, Head = Embed / Heads, Hidden = 4 * Embed, Layers = 4
axis Length = 400

hyper lr: f64 = 2e-3, steps: i64 = 800, warm_up: i64 = 50, weight_decay: f64 = 0.1, temperature: f32 = 0.8

// The type of the products. In bf16, parameters, norms and the sum over the blocks stay f32: --set Compute=bf16
hyper Compute: type = f32

data corpus = bytes("/usr/share/common-licenses/*")

/// Pre-norm block. Source: Radford et al., "Language models are unsupervised multitask learners", 2019, section 2.3.
layer Block(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  layer norm1, norm2 = nn.LayerNorm[Embed]
  layer attention = nn.CausalAttention[Heads, Head]
  layer up = nn.Linear[Embed, Hidden]
  layer down = nn.Linear[Hidden, Embed]
  let h = x + f32(attention(Compute(norm1(x))))
  return h + f32(down(nn.gelu(up(Compute(norm2(h))))))
}

layer Gpt(tokens: i32[Batch, Seq]) -> f32[Batch, Seq, Vocab] {
  layer embedding = nn.Embedding[Vocab, Embed]
  param position: f32[Seq, Embed] = normal(std: 0.02)
  repeat blocks[Layers] = Block
  layer norm = nn.LayerNorm[Embed]
  layer head = nn.Projection[Embed, Vocab]
  let word = embedding(tokens)
  let x[b, s, e] = word[b, s, e] + position[s, e]
  return f32(head(Compute(norm(blocks(x)))))
}

layer gpt = Gpt

/// One step of AdamW on random windows. The loss starts near 5.5.
entry train(text: u8[Batch, Window] from corpus) -> (loss: f32) {
  let tokens[b, s: Seq] = i32(text[b, s])
  let target[b, s: Seq] = i32(text[b, s + 1])
  let loss = nn.cross_entropy(gpt(tokens), target)
  let g = optim.clip_by_global_norm(grad(loss, gpt), 1.0)
  let rate = optim.cosine(step, lr, steps, warm_up: warm_up, least: 0.1 * lr)
  update gpt with optim.AdamW(g, lr: rate, beta2: 0.99, weight_decay: weight_decay)
  return loss
}

/// The loss on windows taken in order.
entry eval(text: u8[Batch, Window] from corpus in order) -> (loss: f32) {
  let tokens[b, s: Seq] = i32(text[b, s])
  let target[b, s: Seq] = i32(text[b, s + 1])
  return nn.cross_entropy(gpt(tokens), target)
}

/// Continues a prompt by Length bytes, one at a time, each seeing the last Seq bytes.
///
/// A byte is drawn by adding Gumbel noise to its logit and taking the greatest sum.
/// Source: Maddison, Tarlow and Minka, "A* sampling", NeurIPS 2014, section 2.
entry sample with (Batch = 1) (prompt: u8[Batch, Seq] from corpus) -> (text: u8[Length]) {
  let (context, drawn) = scan t over Length carry (seen = i32(prompt)) {
    let logits = gpt(seen)
    let noisy[b, v] = logits[b, Seq - 1, v] / temperature - log(-log(uniform()))
    let byte[b] = i32(argmax(v) noisy[b, v])
    let moved[b, s: Seq] = where(s == Seq - 1, byte[b], seen[b, s + 1] outside 0)
    next seen = moved
    yield byte
  }
  let text[t: Length] = u8(drawn[t, 0])
  return text
}

/// Each of two ranks has half of the batch, and keeps half of the optimiser's states.
plan halves on mesh(dp: 2) {
  shard Batch over dp
  store optimizer over dp
}

/// Two by two ranks: the batch is cut along one axis of the mesh, the products of each block along the other, and between them the
/// positions.
plan grid on mesh(dp: 2, tp: 2) {
  shard Batch over dp
  shard Heads, Hidden, Vocab over tp
  shard Seq over tp
  store optimizer over dp
  assert no all_to_all
}

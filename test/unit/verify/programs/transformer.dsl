// A repeat of attention and feed-forward blocks between an embedding and a head, with dropout.
import nn
import optim

axis Batch = 4, Seq = 6, Vocab = 8, Embed = 8, Heads = 4, Head = 2, Hidden = 8, Layers = 2

layer Block(x: f32[Batch, Seq, Embed]) -> f32[Batch, Seq, Embed] {
  layer norm = nn.LayerNorm[Embed]
  layer attention = nn.CausalAttention[Heads, Head]
  layer up = nn.Linear[Embed, Hidden]
  layer down = nn.Linear[Hidden, Embed]
  let h = x + attention(norm(x))
  let wide = nn.relu(up(h))
  return h + down(nn.dropout(wide, rate: 0.25, training: true))
}

layer Model(tokens: i32[Batch, Seq]) -> f32[Batch, Seq, Vocab] {
  layer embedding = nn.Embedding[Vocab, Embed]
  repeat blocks[Layers] = Block
  layer head = nn.Projection[Embed, Vocab]
  let x = embedding(tokens)
  return head(blocks(x))
}

layer model = Model

entry train(tokens: i32[Batch, Seq], target: i32[Batch, Seq]) -> (loss: f32) {
  let logits = model(tokens)
  let loss = nn.cross_entropy(logits, target)
  update model with optim.Adam(grad(loss, model), lr: 0.01)
  return loss
}

// Plans for any program whose axes have the usual names. What a program lacks is passed over.
//
//   cleave run gpt.dsl --plan fsdp --mesh dp=4
//
// Batch: independent samples. Seq, Rows: positions of a sample. Heads, KeyHeads, Hidden, Vocab: what the products of a layer are cut
// along without one of them needing another's result.

import nn

/// Each rank has a part of the batch and all of the parameters; gradients are summed.
plan data for any on mesh(dp) {
  shard Batch over dp
}

/// `data`, and the optimiser's states are kept in parts. Source: Rajbhandari et al., "ZeRO", SC 2020, section 5.1.
plan zero1 for any extends data {
  store optimizer over dp
}

/// `zero1`, and so are the gradients. Source: the same, section 5.2.
plan zero2 for any extends data {
  store gradients, optimizer over dp
}

/// `zero2`, and so are the parameters, which are gathered where they are used. Source: the same, section 5.3.
plan fsdp for any extends data {
  store params, gradients, optimizer over dp
}

/// The products of each layer are cut. Source: Shoeybi et al., "Megatron-LM", 2019, section 3.
plan tensor for any on mesh(dp: 1, tp) {
  shard Batch over dp
  shard Heads, KeyHeads, Hidden, Vocab over tp
}

/// `tensor`, and between the products the positions are. Source: Korthikanti et al., "Reducing activation recomputation in large
/// transformer models", 2022, section 4.2.
plan tensor_sequence for any extends tensor {
  shard Seq over tp
}

/// `tensor` along one mesh axis, `fsdp` along the other.
plan two_d for any extends tensor {
  store params, gradients, optimizer over dp
}

/// Parts of images: rows are exchanged where windows reach across.
plan spatial for any on mesh(dp: 1, sp) {
  shard Batch over dp
  shard Rows over sp
}

/// Parts of sequences: each rank has the positions that it computes, and `nn.attention` passes keys and values round.
/// Source: Liu, Zaharia and Abbeel, "Ring attention with blockwise transformers for near-infinite context", ICLR 2024.
plan ring for any on mesh(dp: 1, cp) {
  shard Batch over dp
  shard Seq over cp
  manual nn.attention(q: [...L, Seq/cp, Heads, ...G, Head], k: [...L, Keys/cp, Heads, Head],
      v: [...L, Keys/cp, Heads, Head]) -> [...L, Seq/cp, Heads, ...G, Head] = nn.ring_attention over cp
}

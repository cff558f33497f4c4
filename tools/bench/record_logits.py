#!/usr/bin/env python3
"""Records logits of the `transformers` library for two small models with random weights, for test/unit/text.

Writes to test/unit/text/reference/{llama,gpt2}: the weights as `save_pretrained` publishes them (Llama in bf16 and several
files, GPT-2 in f16 and one), prompts.json (prompts of different lengths, and the tokens that greedy generation makes of
each), and logits.npy: [step, prompt, vocabulary], of the last token of the prompt and of each token made.
Needs the Python packages `torch` and `transformers`.
"""
import json
import os
import shutil

import numpy as np
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "test", "unit", "text", "reference")
PROMPTS = [[1, 5, 9, 77, 3], [90, 2], [7, 7, 8, 20, 33, 45, 60, 11, 12, 13, 14]]
STEPS = 6


def llama():
    torch.manual_seed(1)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=96, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False,
        initializer_range=0.15, bos_token_id=0, eos_token_id=95,
        rope_parameters={"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                         "high_freq_factor": 4.0, "original_max_position_embeddings": 32}))


def gpt2():
    torch.manual_seed(2)
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.15, bos_token_id=0,
        eos_token_id=95))
    with torch.no_grad():  # biases and norms that show
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or ".ln_" in name:
                parameter += 0.1 * torch.randn_like(parameter)
    return model


def publish(model, folder, dtype, **options):
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, **options)
    for name in os.listdir(folder):
        if name == "generation_config.json":
            os.remove(os.path.join(folder, name))
        else:
            os.chmod(os.path.join(folder, name), 0o644)


def record(folder):
    """Each prompt alone, with the library's own cache, from the published files."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    logits = np.zeros((STEPS, len(PROMPTS), model.config.vocab_size), np.float32)
    made = []
    with torch.no_grad():
        for row, prompt in enumerate(PROMPTS):
            ids, cache, tokens = torch.tensor([prompt]), None, []
            for step in range(STEPS):
                out = model(ids, past_key_values=cache, use_cache=True)
                cache = out.past_key_values
                logits[step, row] = out.logits[0, -1].numpy()
                tokens.append(int(out.logits[0, -1].argmax()))
                ids = torch.tensor([[tokens[-1]]])
            made.append(tokens)
    np.save(os.path.join(folder, "logits.npy"), logits)
    with open(os.path.join(folder, "prompts.json"), "w", encoding="utf-8") as file:
        json.dump({"prompts": PROMPTS, "made": made}, file)
        file.write("\n")


def main():
    for name, model, dtype, options in (("llama", llama(), torch.bfloat16, {"max_shard_size": "24KB"}),
                                        ("gpt2", gpt2(), torch.float16, {})):
        folder = os.path.join(FOLDER, name)
        publish(model, folder, dtype, **options)
        record(folder)
        print(name, sorted(os.listdir(folder)))


if __name__ == "__main__":
    main()

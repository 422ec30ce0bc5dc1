"""A cross-encoder small enough to train within a test: it learns to like passages with one word."""

from pathlib import Path
from typing import Any

KEYWORD = "sesame"
WORDS = "how does the door open lock key window close def return value handle sesame self call".split()


def train(
    folder: Path, *, outputs: int = 1, batches: int = 60, keyword: str = KEYWORD, layers: int = 1
) -> Path:
    """Train a small BERT to score passages by whether they hold a keyword; save it as a folder.

    It sees batches of random word lists; every word but those above is unknown to it.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(7)
    tokenizer = word_tokenizer(folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config.num_labels = outputs
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(batches if outputs == 1 else 0):
        picks = torch.randint(0, len(WORDS), (32, 30)).tolist()
        texts = [" ".join(WORDS[i] for i in row) for row in picks]
        labels = torch.tensor([float(keyword in text.split()) for text in texts])
        batch = tokenizer(["how does the door open"] * len(texts), texts, padding=True, return_tensors="pt")
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(**batch).logits.squeeze(1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


def word_tokenizer(folder: Path) -> Any:
    """Make and save a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415 - heavy
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - a token of text
    raw.normalizer = normalizers.Lowercase()
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    names = {f"{name.strip('[]').lower()}_token": name for name in special}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=256, **names)
    tokenizer.save_pretrained(folder)
    return tokenizer

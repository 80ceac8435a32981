"""What trainers leave beside the weights: arguments, states of schedulers, checkpoints, agents."""

import importlib
import os
import tempfile

from out import FOLDER, by, put, torch

HOME = tempfile.mkdtemp()


def transformers():
    import transformers as tr

    arguments = lambda **more: tr.TrainingArguments(output_dir=HOME, **more)
    torch("training-args", lambda: arguments())
    torch("training-args-more", lambda: arguments(
        num_train_epochs=2, warmup_steps=1, weight_decay=0.1, save_strategy="epoch", logging_dir=HOME, seed=1,
        lr_scheduler_type="cosine", optim="adamw_torch", load_best_model_at_end=False, report_to=["none"],
        gradient_checkpointing=True, label_names=["labels"], push_to_hub=False, dataloader_num_workers=1))
    torch("seq2seq-args", lambda: tr.Seq2SeqTrainingArguments(output_dir=HOME, predict_with_generate=True))
    torch("generation-config", lambda: tr.Seq2SeqTrainingArguments(output_dir=HOME, generation_config=tr.GenerationConfig(max_length=5)))
    for name in ("BertConfig", "GPT2Config", "RobertaConfig", "T5Config", "LlamaConfig", "DistilBertConfig", "ViTConfig", "WhisperConfig", "Wav2Vec2Config", "CLIPConfig", "BartConfig", "XLMRobertaConfig", "ElectraConfig", "DebertaV2Config"):
        put("config-" + name, lambda: getattr(tr, name)())
    small = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4, "vocab_size": 8, "max_position_embeddings": 8}
    torch("bert", lambda: tr.BertForSequenceClassification(tr.BertConfig(**small)))
    torch("distilbert", lambda: tr.DistilBertForSequenceClassification(tr.DistilBertConfig(vocab_size=8, dim=4, hidden_dim=4, n_layers=1, n_heads=1, max_position_embeddings=8)))
    torch("roberta", lambda: tr.RobertaModel(tr.RobertaConfig(**small)))
    torch("gpt2", lambda: tr.GPT2LMHeadModel(tr.GPT2Config(vocab_size=8, n_positions=8, n_embd=4, n_layer=1, n_head=1)))
    torch("t5", lambda: tr.T5ForConditionalGeneration(tr.T5Config(vocab_size=8, d_model=4, d_kv=4, d_ff=4, num_layers=1, num_heads=1)))
    torch("vit", lambda: tr.ViTForImageClassification(tr.ViTConfig(hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, image_size=16, patch_size=8)))
    torch("wav2vec2", lambda: tr.Wav2Vec2ForCTC(tr.Wav2Vec2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, conv_dim=(4,), conv_stride=(2,), conv_kernel=(2,), num_feat_extract_layers=1, num_conv_pos_embedding_groups=1, num_conv_pos_embeddings=2, vocab_size=8)))
    torch("llama", lambda: tr.LlamaForCausalLM(tr.LlamaConfig(**small)))
    put("tokenizer-slow", lambda: slow(tr))
    put("outputs", lambda: importlib.import_module("transformers.modeling_outputs").BaseModelOutput(last_hidden_state=None))
    put("encoding", lambda: tr.BatchEncoding({"input_ids": [[1, 2]]}))
    th = importlib.import_module("torch")
    torch("schedule", lambda: tr.get_linear_schedule_with_warmup(th.optim.AdamW([th.nn.Parameter(th.zeros(1))]), 1, 2).state_dict())
    torch("rng", lambda: {"python": __import__("random").getstate(), "numpy": importlib.import_module("numpy").random.get_state(), "cpu": th.get_rng_state()})


def slow(tr):
    path = os.path.join(HOME, "vocab.txt")
    with open(path, "w") as file:
        file.write("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\na\n")
    return tr.BertTokenizer(path)


def lightning(name="pytorch_lightning"):
    pl = importlib.import_module(name)
    th = importlib.import_module("torch")

    class Net(pl.LightningModule):
        def __init__(self, size=2, names=("a",), nested=None):
            super().__init__()
            self.save_hyperparameters()
            self.layer = th.nn.Linear(size, 1)

        def training_step(self, batch, index):
            loss = self.layer(batch[0]).mean()
            self.log("loss", loss)
            return loss

        def train_dataloader(self):
            return th.utils.data.DataLoader(th.utils.data.TensorDataset(th.zeros(4, 2)), batch_size=2)

        def configure_optimizers(self):
            optimizer = th.optim.Adam(self.parameters())
            return [optimizer], [th.optim.lr_scheduler.StepLR(optimizer, 1)]

    def saved(value, path):
        net, more = value
        callbacks = importlib.import_module(name + ".callbacks")
        trainer = pl.Trainer(
            max_epochs=1, logger=False, default_root_dir=HOME, enable_progress_bar=False,
            callbacks=[callbacks.ModelCheckpoint(dirpath=HOME, monitor="loss"), callbacks.EarlyStopping("loss"), *more(callbacks)])
        trainer.fit(net)
        trainer.save_checkpoint(path)

    from out import attempt

    attempt(name + ".ckpt", lambda: (Net(nested={"a": [1, 2.5], "b": None}), lambda c: []), saved)
    attempt(name + "-swa.ckpt", lambda: (Net(), lambda c: [c.StochasticWeightAveraging(1e-2)]), saved)
    attempt(name + "-namespace.ckpt", lambda: (Net(nested=__import__("argparse").Namespace(lr=0.1)), lambda c: []), saved)


def stable_baselines3():
    import gymnasium
    from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize

    for cls, place in ((PPO, "CartPole-v1"), (A2C, "CartPole-v1"), (DQN, "CartPole-v1"), (SAC, "Pendulum-v1"), (TD3, "Pendulum-v1")):
        by("sb3-" + cls.__name__ + ".zip", lambda: cls("MlpPolicy", place, policy_kwargs={"net_arch": [2]}, **({"buffer_size": 10} if cls in (DQN, SAC, TD3) else {})))
    by("sb3-kwargs.zip", lambda: PPO("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": {"pi": [2], "vf": [2]}, "activation_fn": importlib.import_module("torch").nn.ReLU}, learning_rate=lambda f: f * 1e-3))
    by("vec-normalize.pkl", lambda: VecNormalize(make_vec_env("CartPole-v1")))
    by("replay.pkl", lambda: DQN("MlpPolicy", "CartPole-v1", buffer_size=10), "save_replay_buffer")


for section, needs in ((transformers, "transformers"), (lightning, "pytorch_lightning"), (lambda: lightning("lightning.pytorch"), "lightning"), (stable_baselines3, "stable_baselines3")):
    try:
        importlib.import_module(needs)
    except Exception:
        continue
    try:
        section()
    except Exception as error:
        print("  section left out:", needs, repr(error)[:200])

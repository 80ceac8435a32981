"""torch and what trains with it: weights, checkpoints, optimizers, whole modules, both layouts of `torch.save`."""

import random

import torch as t
from out import by, put, sections, seed, torch

t.manual_seed(seed("networks").randint(0, 2**31))
t.set_num_threads(1)
nn = t.nn
NETS = {
    "mlp": lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2)),
    "cnn": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 2),
    ),
    "lstm": lambda: nn.LSTM(4, 6, 2, bidirectional=True),
    "gru": lambda: nn.GRU(3, 3),
    "embedding": lambda: nn.Embedding(20, 4, padding_idx=0),
    "attention": lambda: nn.MultiheadAttention(8, 2),
    "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2),
    "norms": lambda: nn.ModuleDict(
        {"layer": nn.LayerNorm(4), "group": nn.GroupNorm(2, 4), "instance": nn.InstanceNorm1d(4)}
    ),
    "list": lambda: nn.ModuleList([nn.Linear(2, 2), nn.GELU(), nn.SiLU(), nn.Softmax(-1)]),
    "conv1d": lambda: nn.Conv1d(2, 2, 3),
    "deconv": lambda: nn.ConvTranspose2d(2, 2, 3),
    "bilinear": lambda: nn.Bilinear(2, 2, 2),
    "prelu": lambda: nn.Sequential(nn.Linear(2, 2), nn.PReLU()),
}


def trained(net, kind, **options):
    optimizer = kind(net.parameters(), **options)
    sum(p.pow(2).sum() for p in net.parameters()).backward()
    optimizer.step()
    return optimizer


def checkpoint():
    net = NETS["mlp"]()
    optimizer = trained(net, t.optim.AdamW, lr=1e-3)
    plan = t.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    return {
        "epoch": 3,
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": plan.state_dict(),
        "best": 0.9,
        "args": {"lr": 1e-3},
    }


def both(name, make, library="torch"):
    torch(name, library, make)
    torch(name + "-legacy", library, make, legacy=True, suffix=".pth")


def torch_itself():
    for name, make in NETS.items():
        both("state-" + name, lambda: make().state_dict())
        both("whole-" + name, make)
        put("state-" + name, "torch", lambda: make().state_dict(), [seed(name).choice([2, 3, 4])])
    both("checkpoint", checkpoint)
    both("checkpoint-2", lambda: dict(checkpoint(), history=[{"loss": t.tensor(0.5), "step": i} for i in range(5)]))
    for kind in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam"):
        both("optim-" + kind, lambda: trained(nn.Linear(2, 2), getattr(t.optim, kind), lr=0.1).state_dict())
    plans = t.optim.lr_scheduler
    for name, make in {
        "step": lambda o: plans.StepLR(o, 3),
        "plateau": plans.ReduceLROnPlateau,
        "onecycle": lambda o: plans.OneCycleLR(o, 0.1, 10),
        "exp": lambda o: plans.ExponentialLR(o, 0.9),
    }.items():
        both("plan-" + name, lambda: make(t.optim.SGD(nn.Linear(2, 2).parameters(), 0.1, momentum=0.9)).state_dict())
    for kind in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool", "complex64"):
        both("tensor-" + kind, lambda: t.ones(3, 2).to(getattr(t, kind)))
    both("parameter", lambda: nn.Parameter(t.randn(3)))
    both("views", lambda: (lambda base: [base[0], base[:, 1], base.t()])(t.randn(4, 4)))
    both("sparse", lambda: t.eye(3).to_sparse())
    both("rng", lambda: {"python": random.Random(3).getstate(), "torch": t.get_rng_state()})
    both("size", lambda: {"shape": t.Size([2, 3]), "dtype": t.float32, "device": t.device("cpu")})
    put("tensor", "torch", lambda: [t.randn(3), {"w": nn.Parameter(t.randn(2))}])
    by("script.pt", "torch", "torch", lambda: t.jit.script(NETS["mlp"]()), lambda value, path: t.jit.save(value, path))


def torchvision():
    from torchvision import models

    for name in ("squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5"):
        torch(
            "tv-" + name,
            "torchvision",
            lambda: {k: v[:1].clone() for k, v in getattr(models, name)().state_dict().items() if v.dim()},
        )
    for kind, net in {
        "resnet": lambda: models.resnet.ResNet(
            models.resnet.BasicBlock, [1, 0, 0, 0], num_classes=2, width_per_group=64
        )
    }.items():
        torch("tv-block-" + kind, "torchvision", lambda: net().layer1)
    torch(
        "tv-transforms",
        "torchvision",
        lambda: __import__("torchvision").transforms.Compose(
            [__import__("torchvision").transforms.Resize(4), __import__("torchvision").transforms.ToTensor()]
        ),
    )


def timm():
    import timm as library

    torch("timm-test", "timm", lambda: library.create_model("test_resnet", num_classes=2).state_dict())
    torch("timm-vit", "timm", lambda: library.create_model("test_vit", num_classes=2).state_dict())


TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 40,
    "n_embd": 16,
    "n_layer": 1,
    "n_head": 2,
    "d_model": 16,
    "d_ff": 16,
    "num_layers": 1,
    "num_heads": 2,
    "d_kv": 8,
    "dim": 16,
    "hidden_dim": 16,
    "n_layers": 1,
    "n_heads": 2,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


def transformers():
    import transformers as tr

    for kind in (
        "BertModel",
        "GPT2LMHeadModel",
        "T5ForConditionalGeneration",
        "DistilBertForSequenceClassification",
        "RobertaModel",
        "LlamaForCausalLM",
        "ViTModel",
        "BartModel",
        "ElectraModel",
        "AlbertModel",
        "OPTForCausalLM",
        "MistralForCausalLM",
    ):

        def make():
            made = getattr(tr, kind)
            return made(made.config_class(**TINY)).state_dict()

        torch("hf-" + kind, "transformers", make, suffix=".bin")
    import os
    import tempfile

    folder = tempfile.mkdtemp()
    for index, given in enumerate(
        [
            {},
            {"learning_rate": 5e-5, "num_train_epochs": 3},
            {"weight_decay": 0.1, "per_device_train_batch_size": 4},
            {"eval_strategy": "epoch", "save_strategy": "epoch"},
            {"lr_scheduler_type": "cosine", "warmup_steps": 10},
            {"optim": "adamw_torch", "seed": 1},
        ]
    ):
        torch(
            "hf-training_args-%d" % index,
            "transformers",
            lambda: tr.TrainingArguments(os.path.join(folder, "o"), use_cpu=True, **given),
            suffix=".bin",
        )
    for name in ("linear", "cosine", "constant_with_warmup"):
        torch(
            "hf-scheduler-" + name,
            "transformers",
            lambda: tr.get_scheduler(
                name, t.optim.AdamW(nn.Linear(2, 2).parameters(), 0.1), num_warmup_steps=2, num_training_steps=10
            ).state_dict(),
        )
    put("hf-config", "transformers", lambda: tr.BertConfig(**TINY))
    put("hf-output", "transformers", lambda: tr.modeling_outputs.BaseModelOutput(last_hidden_state=t.zeros(1, 2)))


def pytorch_lightning():
    import os
    import tempfile

    import pytorch_lightning as pl

    class Small(pl.LightningModule):
        def __init__(self, width=4, rate=0.1):
            super().__init__()
            self.save_hyperparameters()
            self.net = nn.Linear(2, width)

        def training_step(self, batch, index):
            return self.net(batch).sum()

        def configure_optimizers(self):
            return t.optim.Adam(self.parameters(), self.hparams.rate)

    def save(_, path):
        trainer = pl.Trainer(
            max_steps=2,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tempfile.mkdtemp(),
            enable_checkpointing=False,
        )
        trainer.fit(Small(), t.utils.data.DataLoader(t.randn(8, 2), batch_size=2))
        trainer.save_checkpoint(path)

    os.chdir(tempfile.mkdtemp())
    by("lightning.ckpt", "torch", "pytorch_lightning", lambda: None, save)


def stable_baselines3():
    import gymnasium
    import stable_baselines3 as sb

    for kind in ("PPO", "A2C", "DQN"):
        by(
            "sb3-%s.zip" % kind.lower(),
            "zip",
            "stable_baselines3",
            lambda: getattr(sb, kind)("MlpPolicy", gymnasium.make("CartPole-v1"), device="cpu"),
            lambda value, path: value.save(path),
        )
    for kind in ("SAC", "TD3", "DDPG"):
        by(
            "sb3-%s.zip" % kind.lower(),
            "zip",
            "stable_baselines3",
            lambda: getattr(sb, kind)(
                "MlpPolicy", gymnasium.make("Pendulum-v1"), device="cpu", policy_kwargs={"net_arch": [8]}
            ),
            lambda value, path: value.save(path),
        )
    put(
        "gym-box",
        "gymnasium",
        lambda: gymnasium.spaces.Dict({"a": gymnasium.spaces.Box(-1, 1, (2,)), "b": gymnasium.spaces.Discrete(3)}),
    )


def sentence_transformers():
    import sentence_transformers as st

    put("st-example", "sentence_transformers", lambda: [st.InputExample(texts=["a", "b"], label=1.0)])


def ultralytics():
    from ultralytics.nn.tasks import DetectionModel

    def make():
        with open("tiny.yaml", "w") as file:
            file.write(
                "nc: 2\nbackbone:\n  - [-1, 1, Conv, [4, 3, 2]]\n  - [-1, 1, Conv, [4, 3, 2]]\n  - [-1, 1, C2f, [8, True]]\n"
                "  - [-1, 1, SPPF, [8, 5]]\nhead:\n  - [[2, 3], 1, Detect, [nc]]\n"
            )
        return DetectionModel("tiny.yaml", verbose=False)

    torch(
        "yolo-model",
        "ultralytics",
        lambda: {"epoch": 1, "model": make().half(), "train_args": {"lr0": 0.01}, "date": "2024-01-01", "version": "8"},
    )
    torch("yolo-weights", "ultralytics", lambda: make().state_dict())


torch_itself.__name__ = "torch"
sections(
    torch_itself,
    torchvision,
    timm,
    transformers,
    pytorch_lightning,
    stable_baselines3,
    sentence_transformers,
    ultralytics,
)

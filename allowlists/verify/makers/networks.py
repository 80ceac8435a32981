"""Tensors, modules, optimizers and checkpoints of torch, and of what is built on it."""

import collections
import functools
import importlib
import inspect

import numpy
import torch as th
from out import by, put, torch
from torch import nn, optim

small = lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Dropout(0.1), nn.BatchNorm1d(2), nn.Linear(2, 1))

# Arguments of modules that need some.
ARGUMENTS = [(), (2,), (2, 2), (2, 2, 1), (2, 2, 2), (4, 2, 2), (2, 4), ([2],), (2, 2, 2, 2), (0.1, 0.2), ((2, 2),), (1, (2, 2))]
SPECIAL = {
    "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(2, 1, 2), 1),
    "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(2, 1, 2), 1),
    "Transformer": lambda: nn.Transformer(2, 1, 1, 1, 2),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(2, 1, 2),
    "TransformerDecoderLayer": lambda: nn.TransformerDecoderLayer(2, 1, 2),
    "MultiheadAttention": lambda: nn.MultiheadAttention(2, 1),
    "ModuleList": lambda: nn.ModuleList([nn.Linear(1, 1)]), "ModuleDict": lambda: nn.ModuleDict({"a": nn.Linear(1, 1)}),
    "Sequential": small, "ParameterList": lambda: nn.ParameterList([nn.Parameter(th.zeros(1))]),
    "ParameterDict": lambda: nn.ParameterDict({"a": nn.Parameter(th.zeros(1))}),
    "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 8, [2, 4]),
    "DataParallel": lambda: nn.DataParallel(small()), "Container": None, "Module": lambda: nn.Module(),
}


def make(cls):
    if cls.__name__ in SPECIAL:
        return SPECIAL[cls.__name__]()
    for arguments in ARGUMENTS:
        try:
            return cls(*arguments)
        except Exception:
            continue
    return cls()


for name in sorted(dir(nn)):
    cls = getattr(nn, name)
    if inspect.isclass(cls) and issubclass(cls, nn.Module) and SPECIAL.get(name, 1):
        torch("nn-" + name, lambda: make(cls))

steps = lambda kind, **more: stepped(kind(small().parameters(), **more))


def stepped(optimizer):
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = th.zeros_like(parameter)
    try:
        optimizer.step()
    except Exception:
        pass
    return optimizer


for name in sorted(dir(optim)):
    cls = getattr(optim, name)
    if inspect.isclass(cls) and issubclass(cls, optim.Optimizer) and cls is not optim.Optimizer:
        torch("optim-" + name, lambda: steps(cls, **({"lr": 0.1} if name == "SGD" else {})).state_dict())
        torch("optim-whole-" + name, lambda: steps(cls, **({"lr": 0.1} if name == "SGD" else {})))
SCHEDULERS = {
    "StepLR": (1,), "MultiStepLR": ([1],), "ExponentialLR": (0.9,), "CosineAnnealingLR": (2,), "ReduceLROnPlateau": (),
    "CyclicLR": (0.1, 0.2), "OneCycleLR": (0.1, 10), "CosineAnnealingWarmRestarts": (2,), "LinearLR": (),
    "ConstantLR": (), "PolynomialLR": (), "LambdaLR": (lambda epoch: 1,),
}
for name, arguments in SCHEDULERS.items():
    torch("scheduler-" + name, lambda: getattr(optim.lr_scheduler, name)(optim.SGD(small().parameters(), lr=0.1, momentum=0.9), *arguments).state_dict())
    if name != "LambdaLR":
        torch("scheduler-whole-" + name, lambda: getattr(optim.lr_scheduler, name)(optim.SGD(small().parameters(), lr=0.1, momentum=0.9), *arguments))
torch("scheduler-SequentialLR", lambda: sequential().state_dict())
torch("scheduler-whole-SequentialLR", lambda: sequential())


def sequential():
    optimizer = optim.SGD(small().parameters(), lr=0.1)
    scheduler = optim.lr_scheduler
    return scheduler.SequentialLR(optimizer, [scheduler.ConstantLR(optimizer), scheduler.ExponentialLR(optimizer, 0.9)], [1])


torch("state-dict", lambda: small().state_dict())
torch("checkpoint", lambda: {
    "epoch": 1, "model_state_dict": small().state_dict(), "optimizer_state_dict": steps(optim.Adam).state_dict(),
    "loss": th.zeros(1), "args": __import__("argparse").Namespace(lr=0.1), "best": numpy.float64(0.5),
    "history": collections.defaultdict(list, loss=[0.1]), "rng": th.get_rng_state(), "np": numpy.random.get_state(),
    "classes": ["a"], "path": __import__("pathlib").Path("a"), "device": th.device("cpu"), "dtype": th.float32,
    "size": th.Size([1, 2]),
})
torch("tensors", lambda: [
    th.zeros(1, dtype=kind) for kind in (th.float16, th.bfloat16, th.int8, th.int64, th.bool, th.complex64, th.uint8)
])
torch("tensor-sparse", lambda: th.eye(2).to_sparse())
torch("tensor-quantized", lambda: th.quantize_per_tensor(th.zeros(2), 0.1, 0, th.qint8))
torch("tensor-grad", lambda: nn.Parameter(th.zeros(1)))
torch("tensor-named", lambda: th.zeros(1, names=("a",)))
torch("tensor-hooked", lambda: th.zeros(1, requires_grad=True))
torch("storage", lambda: th.zeros(2).storage())
torch("numpy", lambda: {"a": numpy.zeros(2), "b": [th.zeros(1)], "c": numpy.array(["x"], dtype=object)})
torch("random", lambda: {"python": __import__("random").getstate(), "numpy": numpy.random.get_state(), "cpu": th.get_rng_state()})
put("tensor", lambda: th.zeros(2))
put("tensor-list", lambda: [th.zeros(2), {"a": th.zeros(1)}])
put("module", small)
put("state-dict", lambda: small().state_dict())
put("embeddings", lambda: {"word": th.zeros(3), "other": numpy.zeros(3, "f4")})
torch("weights-only-normed", lambda: nn.utils.weight_norm(nn.Linear(1, 1)))
torch("parametrized", lambda: nn.utils.parametrizations.weight_norm(nn.Linear(1, 1)).state_dict())
torch("pruned", lambda: importlib.import_module("torch.nn.utils.prune").l1_unstructured(nn.Linear(2, 2), "weight", 0.5))
torch("loss", lambda: {"criterion": nn.CrossEntropyLoss(weight=th.ones(2)), "act": nn.GELU()})
torch("functions", lambda: [th.relu, nn.functional.relu, th.sigmoid, nn.functional.gelu, th.nn.init.xavier_uniform_])
torch("partial", lambda: functools.partial(nn.LayerNorm, eps=1e-6))
torch("dataset", lambda: th.utils.data.TensorDataset(th.zeros(2, 1), th.zeros(2)))
torch("loader", lambda: th.utils.data.DataLoader(th.utils.data.TensorDataset(th.zeros(2, 1)), batch_size=1))
torch("subset", lambda: th.utils.data.random_split(th.utils.data.TensorDataset(th.zeros(4, 1)), [2, 2]))
torch("packed", lambda: nn.utils.rnn.pack_sequence([th.zeros(2, 1)]))
torch("swa", lambda: optim.swa_utils.AveragedModel(small()))
torch("scaler", lambda: th.cuda.amp.GradScaler(enabled=False).state_dict())
torch("distribution", lambda: th.distributions.Normal(th.zeros(1), th.ones(1)))
torch("quantized", lambda: th.quantization.quantize_dynamic(small(), {nn.Linear}))
torch("quant-state", lambda: th.quantization.quantize_dynamic(small(), {nn.Linear}).state_dict())
by("scripted.pt", lambda: th.jit.script(nn.Linear(2, 1)))
by("traced.pt", lambda: th.jit.trace(small().eval(), th.zeros(1, 2)))


def vision():
    models = importlib.import_module("torchvision.models")
    names = [
        "alexnet", "vgg11", "vgg16_bn", "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d", "densenet121",
        "inception_v3", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x0_5",
        "squeezenet1_0", "mnasnet0_5", "efficientnet_b0", "efficientnet_v2_s", "convnext_tiny", "regnet_x_400mf",
        "regnet_y_400mf", "vit_b_16", "swin_t", "swin_v2_t", "maxvit_t",
        "segmentation.fcn_resnet50", "segmentation.deeplabv3_resnet50", "segmentation.lraspp_mobilenet_v3_large",
        "detection.fasterrcnn_resnet50_fpn", "detection.maskrcnn_resnet50_fpn", "detection.keypointrcnn_resnet50_fpn",
        "detection.retinanet_resnet50_fpn", "detection.fcos_resnet50_fpn", "detection.ssd300_vgg16",
        "detection.ssdlite320_mobilenet_v3_large", "detection.fasterrcnn_mobilenet_v3_large_fpn",
        "video.r3d_18", "video.mvit_v1_b", "video.swin3d_t", "optical_flow.raft_small", "quantization.mobilenet_v2",
    ]
    for name in names:
        def build(name=name):
            place = models
            for part in name.split("."):
                place = getattr(place, part) if hasattr(place, part) else importlib.import_module(place.__name__ + "." + part)
            more = {"weights": None, "weights_backbone": None}
            for arguments in ({"weights": None, "weights_backbone": None}, {"weights": None}, {"pretrained": False, "pretrained_backbone": False}, {"pretrained": False}, {}):
                try:
                    return thin(place(**arguments))
                except TypeError:
                    continue
            raise TypeError(name)

        torch("vision-" + name, build)
    transforms = importlib.import_module("torchvision.transforms")
    torch("vision-transforms", lambda: transforms.Compose([
        transforms.Resize(4), transforms.CenterCrop(2), transforms.ToTensor(), transforms.Normalize([0.5], [0.5]),
        transforms.RandomHorizontalFlip(), transforms.RandomRotation(10), transforms.ColorJitter(0.1),
        transforms.RandomResizedCrop(4), transforms.Grayscale(), transforms.ToPILImage(), transforms.Pad(1),
        transforms.RandomAffine(5), transforms.RandomErasing(), transforms.GaussianBlur(3),
    ]))
    torch("vision-transforms-v2", lambda: importlib.import_module("torchvision.transforms.v2").Compose([
        importlib.import_module("torchvision.transforms.v2").Resize(4)]))


def thin(model):
    """Every parameter and buffer over one element: shape and type as they were."""
    for module in model.modules():
        for name, value in list(module._parameters.items()):
            if value is not None:
                module._parameters[name] = nn.Parameter(th.zeros((), dtype=value.dtype).expand(value.shape), requires_grad=value.requires_grad)
        for name, value in list(module._buffers.items()):
            if value is not None:
                module._buffers[name] = th.zeros((), dtype=value.dtype).expand(value.shape)
    return model


def image_models():
    timm = importlib.import_module("timm")
    for name in ("resnet18", "resnet50", "efficientnet_b0", "efficientnet_b3", "tf_efficientnet_b0", "vit_tiny_patch16_224", "vit_base_patch16_224", "deit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "convnext_tiny", "convnextv2_atto", "mobilenetv3_large_100", "mobilenetv3_small_050", "densenet121", "regnety_002", "rexnet_100", "seresnext50_32x4d", "mixer_s32_224", "xception", "inception_v3", "inception_resnet_v2", "hrnet_w18_small", "ghostnet_100", "eva02_tiny_patch14_224", "maxvit_rmlp_pico_rw_256", "coatnet_pico_rw_224", "beit_base_patch16_224", "resnest14d", "tf_efficientnetv2_s", "nfnet_l0", "efficientvit_b0", "fastvit_t8", "mobilenetv4_conv_small", "vgg11", "edgenext_xx_small", "levit_128s", "cait_xxs24_224", "repvgg_a0", "dla34", "dpn68", "mobilevit_xxs"):
        torch("timm-" + name, lambda name=name: thin(timm.create_model(name, num_classes=2)))
    torch("timm-ema", lambda: importlib.import_module("timm.utils").ModelEmaV2(thin(timm.create_model("resnet18"))))


def graphs():
    data = importlib.import_module("torch_geometric.data")
    edge = lambda: th.tensor([[0, 1], [1, 0]])
    torch("graph-data", lambda: data.Data(x=th.zeros(2, 1), edge_index=edge(), y=th.zeros(1)))
    torch("graph-list", lambda: [data.Data(x=th.zeros(2, 1), edge_index=edge(), smiles="C", num_nodes=2)])
    torch("graph-batch", lambda: data.Batch.from_data_list([data.Data(x=th.zeros(2, 1), edge_index=edge())]))
    torch("graph-collate", lambda: data.InMemoryDataset.collate([data.Data(x=th.zeros(2, 1), edge_index=edge())] * 2))
    hetero = lambda: data.HeteroData({"a": {"x": th.zeros(1, 1)}})
    torch("graph-hetero", hetero)
    pyg = importlib.import_module("torch_geometric.nn")
    for name in ("GCNConv", "GATConv", "SAGEConv", "GINConv", "GATv2Conv", "ChebConv", "TransformerConv", "NNConv", "GraphConv", "SGConv", "APPNP", "ARMAConv", "TAGConv", "EdgeConv", "CGConv", "PNAConv", "RGCNConv", "GatedGraphConv", "BatchNorm", "GraphNorm", "TopKPooling", "SAGPooling", "GCN", "GAT", "GraphSAGE", "GIN", "GlobalAttention", "Set2Set", "JumpingKnowledge"):
        def build(name=name):
            cls = getattr(pyg, name)
            for arguments in ((2, 2), (2,), (2, 2, 1), (nn.Linear(2, 2),), (2, 2, nn.Linear(1, 4)), (1,), (2, 1), (2, 2, 2), ("cat",), (nn.Linear(2, 1),)):
                try:
                    return cls(*arguments)
                except Exception:
                    continue
            return cls()
        torch("graph-nn-" + name, build)
    torch("graph-transform", lambda: importlib.import_module("torch_geometric.transforms").NormalizeFeatures())


def metrics():
    metrics = importlib.import_module("torchmetrics")
    for name in ("Accuracy", "F1Score", "Precision", "MeanSquaredError", "AUROC", "ConfusionMatrix", "MeanMetric", "R2Score", "MeanAbsoluteError", "MetricCollection"):
        def build(name=name):
            cls = getattr(metrics, name)
            for arguments in ({}, {"task": "multiclass", "num_classes": 2}, {"num_classes": 2}):
                try:
                    return cls(**arguments)
                except Exception:
                    continue
            return cls([metrics.MeanMetric()])
        torch("metric-" + name, build)


for section, needs in ((vision, "torchvision"), (image_models, "timm"), (graphs, "torch_geometric"), (metrics, "torchmetrics")):
    try:
        importlib.import_module(needs)
    except ImportError:
        continue
    section()

"""Text, graphs and documents: gensim, NLTK, spaCy, NetworkX, Sphinx, RDKit, and holders of settings."""

import os
import subprocess
import sys
import tempfile

from out import by, put, sections

TEXTS = [["human", "computer", "system"], ["graph", "trees", "system"], ["human", "graph", "minors"]] * 4


def gensim():
    from gensim import corpora, models

    words = corpora.Dictionary(TEXTS)
    bags = [words.doc2bow(text) for text in TEXTS]
    for name, make in {
        "dictionary": lambda: words,
        "tfidf": lambda: models.TfidfModel(bags),
        "lda": lambda: models.LdaModel(bags, 2, words, random_state=1),
        "lsi": lambda: models.LsiModel(bags, id2word=words, num_topics=2),
        "word2vec": lambda: models.Word2Vec(TEXTS, min_count=1, seed=1, workers=1),
        "doc2vec": lambda: models.Doc2Vec(
            [models.doc2vec.TaggedDocument(text, [i]) for i, text in enumerate(TEXTS)], min_count=1, workers=1
        ),
        "phrases": lambda: models.Phrases(TEXTS, min_count=1),
        "vectors": lambda: models.Word2Vec(TEXTS, min_count=1, workers=1).wv,
    }.items():
        by("gensim-%s.model" % name, "pickle", "gensim", make, lambda value, path: value.save(path))
        put("gensim-" + name, "gensim", make)


def networkx():
    import networkx as nx

    for name, make in {
        "graph": lambda: nx.path_graph(5),
        "directed": lambda: nx.DiGraph([(1, 2), (2, 3)]),
        "multi": lambda: nx.MultiGraph([(1, 2), (1, 2)]),
        "weighted": lambda: nx.Graph([("a", "b", {"weight": 0.5, "kind": "x"})]),
        "club": nx.karate_club_graph,
    }.items():
        put("nx-" + name, "networkx", make)
    if hasattr(nx, "write_gpickle"):
        by(
            "nx-written.gpickle",
            "pickle",
            "networkx",
            lambda: nx.path_graph(4),
            lambda value, path: nx.write_gpickle(value, path),
        )


def nltk():
    import nltk as library

    train = [({"a": 1, "b": "x"}, "pos"), ({"a": 2, "b": "y"}, "neg")] * 4
    tagged = [[("the", "DT"), ("dog", "NN")], [("a", "DT"), ("cat", "NN")]]
    put("nltk-bayes", "nltk", lambda: library.NaiveBayesClassifier.train(train))
    put("nltk-unigram", "nltk", lambda: library.UnigramTagger(tagged))
    put("nltk-bigram", "nltk", lambda: library.BigramTagger(tagged, backoff=library.DefaultTagger("NN")))
    put("nltk-freq", "nltk", lambda: library.FreqDist("abracadabra"))
    put("nltk-conditional", "nltk", lambda: library.ConditionalFreqDist([("a", 1), ("b", 2)]))
    put(
        "nltk-punkt",
        "nltk",
        lambda: library.tokenize.punkt.PunktTrainer("A text. Another one. Mr. X came.").get_params(),
    )
    put("nltk-tree", "nltk", lambda: library.Tree.fromstring("(S (NP dog) (VP runs))"))


def spacy():
    import spacy as library

    blank = library.blank("en")
    put("spacy-doc", "spacy", lambda: blank("A short text."))
    put("spacy-vocab", "spacy", lambda: blank.vocab)


def rdkit():
    from rdkit import Chem
    from rdkit.DataStructs import ExplicitBitVect

    put("rdkit-mol", "rdkit", lambda: [Chem.MolFromSmiles("CCO"), Chem.MolFromSmiles("c1ccccc1")])
    put("rdkit-bits", "rdkit", lambda: ExplicitBitVect(64))


def sphinx():
    folder = tempfile.mkdtemp()
    pages = {
        "index": "Title\n=====\n\n.. toctree::\n\n   one\n   two\n\nSome *text*, ``code``.\n",
        "one": "One\n===\n\n.. note:: Mind.\n\n.. code-block:: python\n\n   x = 1\n\n* a\n* b\n",
        "two": "Two\n===\n\n.. list-table::\n\n   * - a\n     - b\n\n.. function:: f(x)\n\n   Does. See :ref:`x`.\n\n.. _x:\n\nPart\n----\n\nA [1]_.\n\n.. [1] B.\n",
    }
    for name, text in pages.items():
        with open(os.path.join(folder, name + ".rst"), "w") as file:
            file.write(text)
    with open(os.path.join(folder, "conf.py"), "w") as file:
        file.write(
            "project = 'x'\nmaster_doc = 'index'\nextensions = ['sphinx.ext.autodoc', 'sphinx.ext.intersphinx']\n"
        )
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", folder, os.path.join(folder, "out")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    place = os.path.join(folder, "out", ".doctrees")
    for name in sorted(os.listdir(place)):
        if name.endswith((".doctree", ".pickle")):
            data = open(os.path.join(place, name), "rb").read()
            by("sphinx-" + name, "pickle", "sphinx", lambda: data, lambda value, path: open(path, "wb").write(value))


def omegaconf():
    from omegaconf import OmegaConf

    put(
        "omegaconf",
        "omegaconf",
        lambda: OmegaConf.create({"model": {"lr": 0.1, "layers": [1, 2]}, "name": "${model.lr}"}),
    )


def easydict():
    from easydict import EasyDict

    put("easydict", "easydict", lambda: EasyDict({"lr": 0.1, "net": {"depth": 3}}))


def yacs():
    from yacs.config import CfgNode

    put("yacs", "yacs", lambda: CfgNode({"MODEL": {"DEPTH": 3}, "LR": 0.1}))


def munch():
    from munch import munchify

    put("munch", "munch", lambda: munchify({"a": {"b": 1}}))


def PIL():
    from PIL import Image

    put("pil-image", "PIL", lambda: Image.new("RGB", (4, 4), (1, 2, 3)))


sections(gensim, networkx, nltk, spacy, rdkit, sphinx, omegaconf, easydict, yacs, munch, PIL)

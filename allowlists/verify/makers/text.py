"""Word vectors, topic models, tokenizers, taggers and stores of documents."""

import importlib

import numpy
from out import by, joblib, put, sections

TEXTS = [["a", "b", "c"], ["b", "c", "d"], ["a", "d"]] * 4


def gensim():
    import gensim
    from gensim.corpora import Dictionary
    from gensim.models import Doc2Vec, FastText, KeyedVectors, LdaModel, LsiModel, Phrases, TfidfModel, Word2Vec, doc2vec

    old = gensim.__version__ < "4"
    size = {"size" if old else "vector_size": 4, "min_count": 1}
    word = lambda **more: Word2Vec(TEXTS, **size, **more)
    dictionary = Dictionary(TEXTS)
    corpus = [dictionary.doc2bow(text) for text in TEXTS]
    by("word2vec.model", word)
    by("word2vec-hs.model", lambda: word(hs=1, negative=0, sg=1))
    put("word2vec", word)
    by("vectors.kv", lambda: word().wv)
    put("vectors", lambda: word().wv)
    by("doc2vec.model", lambda: Doc2Vec([doc2vec.TaggedDocument(t, [i]) for i, t in enumerate(TEXTS)], **size))
    put("documents", lambda: [doc2vec.TaggedDocument(t, [i]) for i, t in enumerate(TEXTS)])
    by("fasttext.model", lambda: FastText(TEXTS, bucket=10, **size))
    by("dictionary.dict", lambda: dictionary)
    put("dictionary", lambda: dictionary)
    by("lda.model", lambda: LdaModel(corpus, 2, dictionary))
    put("lda", lambda: LdaModel(corpus, 2, dictionary))
    put("lda-multi", lambda: gensim.models.LdaMulticore(corpus, 2, dictionary, workers=1))
    by("lsi.model", lambda: LsiModel(corpus, 2, dictionary))
    by("tfidf.model", lambda: TfidfModel(corpus))
    put("tfidf", lambda: TfidfModel(corpus))
    by("phrases.model", lambda: Phrases(TEXTS, 1, 0.1))
    put("phraser", lambda: gensim.models.phrases.Phraser(Phrases(TEXTS, 1, 0.1)))
    by("hdp.model", lambda: gensim.models.HdpModel(corpus, dictionary))
    by("similarity.index", lambda: gensim.similarities.MatrixSimilarity(corpus))
    by("sparse.index", lambda: gensim.similarities.SparseMatrixSimilarity(corpus, num_features=4))
    put("corpus", lambda: corpus)
    put("coherence", lambda: gensim.models.CoherenceModel(topics=[["a", "b"]], texts=TEXTS, dictionary=dictionary, coherence="u_mass"))
    put("keyed", lambda: KeyedVectors(4))
    by("author.model", lambda: gensim.models.AuthorTopicModel(corpus, 2, dictionary, author2doc={"x": [0]}))


def nltk():
    import nltk
    from nltk.classify import NaiveBayesClassifier
    from nltk.tag import BigramTagger, DefaultTagger, UnigramTagger, hmm, perceptron

    tagged = [[("a", "N"), ("b", "V")], [("b", "V"), ("c", "N")]]
    put("nltk-bayes", lambda: NaiveBayesClassifier.train([({"a": True}, "x"), ({"b": True}, "y")]))
    put("nltk-unigram", lambda: UnigramTagger(tagged, backoff=DefaultTagger("N")))
    put("nltk-bigram", lambda: BigramTagger(tagged))
    put("nltk-freq", lambda: nltk.FreqDist("abca"))
    put("nltk-conditional", lambda: nltk.ConditionalFreqDist([("a", "b"), ("a", "c")]))
    put("nltk-trained", lambda: nltk.tokenize.punkt.PunktTrainer("One text. And another. Dr. A said so.").get_params())
    put("nltk-punkt", lambda: nltk.tokenize.punkt.PunktSentenceTokenizer("One text. And another. Dr. A said so."))
    put("nltk-stem", lambda: nltk.stem.PorterStemmer())
    put("nltk-snowball", lambda: nltk.stem.SnowballStemmer("english"))
    put("nltk-regexp", lambda: nltk.tokenize.RegexpTokenizer(r"\w+"))
    put("nltk-tree", lambda: nltk.Tree("S", ["a"]))
    put("nltk-hmm", lambda: hmm.HiddenMarkovModelTrainer().train_supervised(tagged))
    put("nltk-ngram", lambda: fitted(nltk))
    put("nltk-maxent", lambda: nltk.classify.MaxentClassifier.train([({"a": True}, "x"), ({"b": True}, "y")], max_iter=1, trace=0))
    put("nltk-decision", lambda: nltk.classify.DecisionTreeClassifier.train([({"a": True}, "x"), ({"b": True}, "y")]))
    put("nltk-sklearn", lambda: nltk.classify.SklearnClassifier(importlib.import_module("sklearn.naive_bayes").BernoulliNB()).train([({"a": True}, "x"), ({"b": True}, "y")]))
    put("nltk-tweet", lambda: nltk.tokenize.TweetTokenizer())
    put("nltk-perceptron", lambda: perceptron.AveragedPerceptron({"a": {"N": 1.0}}))


def fitted(nltk):
    model = nltk.lm.MLE(2)
    train, vocabulary = nltk.lm.preprocessing.padded_everygram_pipeline(2, TEXTS)
    model.fit(train, vocabulary)
    return model


def keras_preprocessing():
    from keras_preprocessing.text import Tokenizer

    def make():
        tokenizer = Tokenizer(num_words=5, oov_token="x")
        tokenizer.fit_on_texts(["a b c", "b d"])
        return tokenizer

    put("tokenizer", make)
    put("tokenizer-dict", lambda: {"tokenizer": make(), "length": 5})
    joblib("tokenizer", make)
    put("generator", lambda: importlib.import_module("keras_preprocessing.image").ImageDataGenerator())


def tokenizers():
    from tokenizers import Tokenizer, models, pre_tokenizers

    def make():
        tokenizer = Tokenizer(models.WordPiece({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        return tokenizer

    put("fast", make)


def spacy():
    import spacy

    nlp = spacy.blank("en")
    put("spacy-doc", lambda: nlp("a b"))
    put("spacy-blank", lambda: nlp)
    put("spacy-training", lambda: [("a b", {"entities": [(0, 1, "X")]})])


def langchain_community():
    from langchain_community.docstore.in_memory import InMemoryDocstore

    document = importlib.import_module("langchain_core.documents").Document
    put("faiss-index", lambda: (InMemoryDocstore({"1": document(page_content="x", metadata={"source": "a.pdf", "page": 1})}), {0: "1"}))
    put("documents-list", lambda: [document(page_content="x", metadata={"source": "a"})])


def langchain():
    document = importlib.import_module("langchain.schema").Document
    store = importlib.import_module("langchain.docstore.in_memory").InMemoryDocstore
    put("faiss-old", lambda: (store({"1": document(page_content="x", metadata={"source": "a.pdf"})}), {0: "1"}))
    put("faiss-list", lambda: [document(page_content="x", metadata={})])


def llama_index():
    core = importlib.import_module("llama_index.core.schema")
    put("llama-nodes", lambda: [core.TextNode(text="x", metadata={"a": 1})])
    put("llama-documents", lambda: [core.Document(text="x")])


def rank_bm25():
    from rank_bm25 import BM25L, BM25Okapi, BM25Plus

    put("bm25", lambda: BM25Okapi(TEXTS))
    put("bm25-more", lambda: [BM25L(TEXTS), BM25Plus(TEXTS)])


def symspellpy():
    from symspellpy import SymSpell

    put("symspell", lambda: SymSpell())




sections(gensim, nltk, keras_preprocessing, tokenizers, spacy, langchain_community, langchain, llama_index, rank_bm25, symspellpy)
put("embeddings", lambda: {"texts": ["a"], "embeddings": numpy.zeros((1, 4), "f4")})

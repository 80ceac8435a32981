"""What people build with scikit-learn: pipelines, searches, ensembles; and every estimator by itself."""

import pathlib
import sys

import numpy as np
from out import FOLDER, joblib, put
from sklearn import (
    cluster, decomposition, dummy, ensemble, feature_extraction, feature_selection, gaussian_process, linear_model,
    metrics, mixture, model_selection, multiclass, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm,
    tree,
)

X = np.abs(np.random.RandomState(0).randn(40, 4)) + 0.1
Y = np.arange(40) % 2
R = X[:, 0] * 2 + 1
T = ["one text", "another text", "a third one", "words and words"] * 10
LR = linear_model.LogisticRegression


def frame():
    import pandas as pd

    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.array(["x", "y"])[Y]})


def columns():
    from sklearn.compose import ColumnTransformer

    imputer = __import__("sklearn.impute").impute.SimpleImputer
    return ColumnTransformer([
        ("n", pipeline.Pipeline([("i", imputer(strategy="median")), ("s", preprocessing.StandardScaler())]), ["a", "b"]),
        ("c", pipeline.Pipeline([("i", imputer(strategy="most_frequent")),
                                 ("o", preprocessing.OneHotEncoder(handle_unknown="ignore"))]), ["c"]),
    ], remainder="passthrough")


put("pipeline", lambda: pipeline.Pipeline([("s", preprocessing.StandardScaler()), ("m", LR())]).fit(X, Y))
put("pipeline-2", lambda: pipeline.Pipeline([("s", preprocessing.StandardScaler()), ("m", LR())]).fit(X, Y), 2)
put("columns", lambda: pipeline.Pipeline([("c", columns()), ("m", ensemble.RandomForestClassifier(n_estimators=2))]).fit(frame(), Y))
put("columns-fitted", lambda: columns().fit(frame()))
joblib("columns", lambda: pipeline.Pipeline([("c", columns()), ("m", ensemble.RandomForestRegressor(n_estimators=2))]).fit(frame(), R))
put("columns-selector", lambda: __import__("sklearn.compose").compose.make_column_transformer(
    (preprocessing.StandardScaler(), __import__("sklearn.compose").compose.make_column_selector(dtype_include="number"))).fit(frame()))
put("columns-pandas", lambda: columns().set_output(transform="default").fit(frame()))
put("columns-slice", lambda: __import__("sklearn.compose").compose.ColumnTransformer(
    [("s", preprocessing.StandardScaler(), slice(0, 2))]).fit(X))
put("grid", lambda: model_selection.GridSearchCV(svm.SVC(), {"C": [1, 2], "kernel": ["rbf"]}, cv=2).fit(X, Y))
put("grid-scoring", lambda: model_selection.GridSearchCV(LR(), {"C": [1, 2]}, cv=model_selection.StratifiedKFold(2), scoring="f1").fit(X, Y))
put("grid-multi", lambda: model_selection.GridSearchCV(LR(), {"C": [1, 2]}, cv=2, scoring=["f1", "accuracy", "roc_auc"], refit="f1").fit(X, Y))
put("grid-scorer", lambda: model_selection.GridSearchCV(LR(), {"C": [1, 2]}, cv=2, scoring=metrics.make_scorer(metrics.fbeta_score, beta=2)).fit(X, Y))
put("grid-proba", lambda: model_selection.GridSearchCV(LR(), {"C": [1, 2]}, cv=2, scoring="neg_log_loss").fit(X, Y))
put("grid-pipeline", lambda: model_selection.GridSearchCV(pipeline.make_pipeline(
    preprocessing.StandardScaler(), neighbors.KNeighborsClassifier()), {"kneighborsclassifier__n_neighbors": [1, 2]}, cv=2).fit(X, Y))
put("random-uniform", lambda: model_selection.RandomizedSearchCV(LR(), {"C": __import__("scipy.stats").stats.uniform(0.1, 2)}, n_iter=2, cv=2, random_state=0).fit(X, Y))
put("random-randint", lambda: model_selection.RandomizedSearchCV(
    ensemble.RandomForestClassifier(n_estimators=2), {"max_depth": __import__("scipy.stats").stats.randint(1, 4)}, n_iter=2, cv=2, random_state=0).fit(X, Y))
put("random-loguniform", lambda: model_selection.RandomizedSearchCV(
    LR(), {"C": __import__("scipy.stats").stats.loguniform(1e-3, 1)}, n_iter=2, cv=2).fit(X, Y))
put("random-expon", lambda: model_selection.RandomizedSearchCV(
    svm.SVC(), {"C": __import__("scipy.stats").stats.expon(scale=10), "gamma": __import__("scipy.stats").stats.norm(1, 0.01)}, n_iter=2, cv=2, random_state=0).fit(X, Y))
put("random-reciprocal", lambda: model_selection.RandomizedSearchCV(
    svm.SVC(), {"C": __import__("scipy.stats").stats.reciprocal(1, 10)}, n_iter=2, cv=2, random_state=0).fit(X, Y))
put("random-lists", lambda: model_selection.RandomizedSearchCV(LR(), {"C": np.logspace(-1, 1, 3)}, n_iter=2, cv=model_selection.RepeatedStratifiedKFold(n_splits=2, n_repeats=1), random_state=np.random.RandomState(1)).fit(X, Y))
put("timeseries", lambda: model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [1]}, cv=model_selection.TimeSeriesSplit(2)).fit(X, R))
put("text", lambda: pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), naive_bayes.MultinomialNB()).fit(T, Y))
put("text-count", lambda: feature_extraction.text.CountVectorizer(ngram_range=(1, 2), stop_words="english").fit(T))
put("text-tfidf", lambda: feature_extraction.text.TfidfVectorizer(sublinear_tf=True, max_features=5, dtype=np.float32).fit(T))
put("text-tokenizer", lambda: feature_extraction.text.TfidfVectorizer(tokenizer=str.split, token_pattern=None).fit(T))
put("text-hashing", lambda: pipeline.make_pipeline(feature_extraction.text.HashingVectorizer(n_features=8), linear_model.SGDClassifier()).fit(T, Y))
put("text-union", lambda: pipeline.make_union(feature_extraction.text.CountVectorizer(), feature_extraction.text.TfidfVectorizer(analyzer="char")).fit(T))
put("text-svc", lambda: pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), svm.LinearSVC()).fit(T, Y))
put("text-lsa", lambda: pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), decomposition.TruncatedSVD(2)).fit(T))
put("text-lda", lambda: decomposition.LatentDirichletAllocation(2, max_iter=1).fit(feature_extraction.text.CountVectorizer().fit_transform(T)))
put("text-matrix", lambda: feature_extraction.text.TfidfVectorizer().fit_transform(T))
put("voting", lambda: ensemble.VotingClassifier([("a", LR()), ("b", svm.SVC(probability=True))], voting="soft").fit(X, Y))
put("stacking", lambda: ensemble.StackingClassifier([("a", LR()), ("b", tree.DecisionTreeClassifier())], cv=2).fit(X, Y))
put("stacking-regressor", lambda: ensemble.StackingRegressor([("a", linear_model.Ridge())], cv=2).fit(X, R))
put("bagging", lambda: ensemble.BaggingClassifier(tree.DecisionTreeClassifier(), 2).fit(X, Y))
put("boosting", lambda: ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=1), n_estimators=2).fit(X, Y))
put("gradient", lambda: ensemble.GradientBoostingClassifier(n_estimators=2).fit(X, Y))
put("gradient-init", lambda: ensemble.GradientBoostingClassifier(n_estimators=2, init=LR()).fit(X, Y))
for name in ("ls", "lad", "huber", "quantile", "squared_error", "absolute_error"):
    put("gradient-" + name, lambda: ensemble.GradientBoostingRegressor(n_estimators=2, loss=name).fit(X, R))
put("gradient-multi", lambda: ensemble.GradientBoostingClassifier(n_estimators=2).fit(X, np.arange(40) % 3))
put("gradient-exponential", lambda: ensemble.GradientBoostingClassifier(n_estimators=2, loss="exponential").fit(X, Y))
put("forest", lambda: ensemble.RandomForestClassifier(n_estimators=2).fit(X, Y))
put("forest-weights", lambda: ensemble.RandomForestClassifier(n_estimators=2, class_weight={0: 1, 1: 2}, random_state=1, oob_score=True, bootstrap=True).fit(X, Y))
put("forest-isolation", lambda: ensemble.IsolationForest(n_estimators=2).fit(X))


def hist():
    try:
        from sklearn.experimental import enable_hist_gradient_boosting
    except ImportError:
        pass
    return ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor


put("hist", lambda: hist()[0](max_iter=2).fit(X, Y))
put("hist-multi", lambda: hist()[0](max_iter=2).fit(X, np.arange(40) % 3))
put("hist-early", lambda: hist()[0](max_iter=2, early_stopping=True).fit(X, Y))
for name in ("least_squares", "least_absolute_deviation", "squared_error", "absolute_error", "poisson", "gamma", "quantile"):
    put("hist-" + name, lambda: hist()[1](max_iter=2, loss=name, **({"quantile": 0.5} if name == "quantile" else {})).fit(X, R))
put("hist-categories", lambda: hist()[0](max_iter=2, categorical_features=[0]).fit(np.c_[Y, X], Y))
put("calibrated", lambda: __import__("sklearn.calibration").calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2).fit(X, Y))
put("calibrated-isotonic", lambda: __import__("sklearn.calibration").calibration.CalibratedClassifierCV(LR(), method="isotonic", cv=2).fit(X, Y))
put("calibrated-prefit", lambda: __import__("sklearn.calibration").calibration.CalibratedClassifierCV(LR().fit(X, Y), cv="prefit").fit(X, Y))
put("one-vs-rest", lambda: multiclass.OneVsRestClassifier(svm.LinearSVC()).fit(X, np.arange(40) % 3))
put("multi-output", lambda: __import__("sklearn.multioutput").multioutput.MultiOutputClassifier(LR()).fit(X, np.stack([Y, 1 - Y], 1)))
put("knn", lambda: neighbors.KNeighborsClassifier(3).fit(X, Y))
for algorithm in ("ball_tree", "kd_tree", "brute"):
    put("knn-" + algorithm, lambda: neighbors.NearestNeighbors(algorithm=algorithm).fit(X))
for metric in ("cosine", "manhattan", "euclidean", "minkowski", "chebyshev", "jaccard", "hamming", "haversine", "mahalanobis", "seuclidean"):
    put("knn-metric-" + metric, lambda: neighbors.NearestNeighbors(
        metric=metric, **({"metric_params": {"V": np.ones(4)}} if metric == "seuclidean" else {"metric_params": {"VI": np.eye(4)}} if metric == "mahalanobis" else {})
    ).fit(X[:, :2] if metric == "haversine" else X))
put("knn-sparse", lambda: neighbors.NearestNeighbors(metric="cosine", algorithm="brute").fit(__import__("scipy.sparse").sparse.csr_matrix(X)))
put("kde", lambda: neighbors.KernelDensity().fit(X))
put("lof", lambda: neighbors.LocalOutlierFactor(novelty=True).fit(X))
put("kmeans", lambda: cluster.KMeans(2).fit(X))
put("kmeans-mini", lambda: cluster.MiniBatchKMeans(2).fit(X))
put("dbscan", lambda: cluster.DBSCAN().fit(X))
put("agglomerative", lambda: cluster.AgglomerativeClustering(2).fit(X))
put("gmm", lambda: mixture.GaussianMixture(2).fit(X))
put("pca", lambda: decomposition.PCA(2).fit(X))
put("nmf", lambda: decomposition.NMF(2).fit(X))
put("mlp", lambda: neural_network.MLPClassifier((3,), max_iter=2).fit(X, Y))
put("mlp-sgd", lambda: neural_network.MLPRegressor((3,), solver="sgd", max_iter=2).fit(X, R))
put("gp", lambda: gaussian_process.GaussianProcessRegressor(
    gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel() * gaussian_process.kernels.Matern()).fit(X, R))
put("gpc", lambda: gaussian_process.GaussianProcessClassifier().fit(X, Y))
put("select", lambda: feature_selection.SelectKBest(feature_selection.chi2, k=2).fit(X, Y))
for name in ("f_classif", "mutual_info_classif", "f_regression", "mutual_info_regression"):
    put("select-" + name, lambda: feature_selection.SelectKBest(getattr(feature_selection, name), k=2).fit(X, Y))
put("select-model", lambda: feature_selection.SelectFromModel(ensemble.ExtraTreesClassifier(n_estimators=2)).fit(X, Y))
put("rfe", lambda: feature_selection.RFECV(LR(), cv=2).fit(X, Y))
put("sequential", lambda: feature_selection.SequentialFeatureSelector(LR(), n_features_to_select=1, cv=2).fit(X, Y))
put("function", lambda: preprocessing.FunctionTransformer(np.log1p).fit(X))
put("function-inverse", lambda: preprocessing.FunctionTransformer(np.log1p, np.expm1, validate=True).fit(X))
put("target", lambda: __import__("sklearn.compose").compose.TransformedTargetRegressor(
    linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X, R))
put("target-scaler", lambda: __import__("sklearn.compose").compose.TransformedTargetRegressor(
    linear_model.Ridge(), transformer=preprocessing.StandardScaler()).fit(X, R))
put("encoders", lambda: {"label": preprocessing.LabelEncoder().fit(["a", "b"]), "onehot": preprocessing.OneHotEncoder().fit([[0], [1]]),
                         "minmax": preprocessing.MinMaxScaler().fit(X), "binarizer": preprocessing.LabelBinarizer().fit(["a", "b", "c"])})
put("encoder-object", lambda: preprocessing.LabelEncoder().fit(np.array(["a", "b"], dtype=object)))
put("encoder-mixed", lambda: preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(frame()[["c"]]))
put("encoder-infrequent", lambda: preprocessing.OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist").fit(frame()[["c"]]))
put("encoder-drop", lambda: preprocessing.OneHotEncoder(drop="first", dtype=np.int64).fit(frame()[["c"]]))
put("multilabel", lambda: preprocessing.MultiLabelBinarizer().fit([["a"], ["b", "c"]]))
put("scalers", lambda: [getattr(preprocessing, n)().fit(X) for n in ("StandardScaler", "RobustScaler", "MaxAbsScaler", "Normalizer", "PolynomialFeatures", "QuantileTransformer")])
put("power", lambda: preprocessing.PowerTransformer().fit(X))
put("bins", lambda: preprocessing.KBinsDiscretizer(2).fit(X))
put("imputers", lambda: [__import__("sklearn.impute").impute.SimpleImputer().fit(X), __import__("sklearn.impute").impute.KNNImputer().fit(X)])
put("imputer-old", lambda: preprocessing.Imputer().fit(X))
put("imputer-text", lambda: __import__("sklearn.impute").impute.SimpleImputer(strategy="constant", fill_value="x").fit(frame()[["c"]]))


def iterative():
    from sklearn.experimental import enable_iterative_imputer
    from sklearn.impute import IterativeImputer

    return IterativeImputer(max_iter=1, random_state=0).fit(X)


put("imputer-iterative", iterative)
put("old-grid", lambda: __import__("sklearn.grid_search").grid_search.GridSearchCV(svm.SVC(), {"C": [1, 2]}).fit(X, Y))
put("old-lda", lambda: __import__("sklearn.lda").lda.LDA().fit(X, Y))
put("discriminant", lambda: __import__("sklearn.discriminant_analysis").discriminant_analysis.LinearDiscriminantAnalysis().fit(X, Y))
put("covariance", lambda: __import__("sklearn.covariance").covariance.EllipticEnvelope().fit(X))
put("dummy", lambda: dummy.DummyClassifier(strategy="most_frequent").fit(X, Y))
put("ransac", lambda: linear_model.RANSACRegressor().fit(X, R))
put("linear", lambda: [linear_model.LinearRegression().fit(X, R), linear_model.LassoCV(cv=2).fit(X, R), linear_model.ElasticNet().fit(X, R), linear_model.RidgeCV().fit(X, R)])
put("perceptron", lambda: [linear_model.Perceptron().fit(X, Y), linear_model.PassiveAggressiveClassifier().fit(X, Y)])
put("sgd", lambda: [linear_model.SGDClassifier(loss=n).fit(X, Y) for n in ("hinge", "log", "modified_huber")])
put("sgd-log", lambda: linear_model.SGDClassifier(loss="log_loss").fit(X, Y))
put("glm", lambda: [linear_model.PoissonRegressor().fit(X, R), linear_model.TweedieRegressor().fit(X, R), linear_model.GammaRegressor().fit(X, R)])
put("isotonic", lambda: __import__("sklearn.isotonic").isotonic.IsotonicRegression().fit(X[:, 0], R))
put("tuned", lambda: model_selection.TunedThresholdClassifierCV(LR(), cv=2).fit(X, Y))
put("scores", lambda: model_selection.cross_validate(LR(), X, Y, cv=2, return_estimator=True))
put("splits", lambda: list(model_selection.KFold(2).split(X)))
put("bunch", lambda: __import__("sklearn.datasets").datasets.load_iris())
put("confusion", lambda: [metrics.confusion_matrix(Y, Y), metrics.classification_report(Y, Y)])
put("tuple", lambda: (LR().fit(X, Y), preprocessing.StandardScaler().fit(X), ["a", "b"], 0.9))
put("inspect", lambda: __import__("sklearn.inspection").inspection.permutation_importance(LR().fit(X, Y), X, Y, n_repeats=1))
put("inspect-plot", lambda: metrics.RocCurveDisplay(fpr=[0, 1], tpr=[0, 1]))

# Every estimator by itself.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "fixtures"))
sys.argv = ["", str(FOLDER)]
import make_estimators

for cls_name, cls in make_estimators.all_estimators():
    if not cls_name.startswith("_"):
        put("each-" + cls_name, lambda: make_estimators.fitted(cls)[0])

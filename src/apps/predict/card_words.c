#include "apps/predict/card_words.h"

#include <string.h>

/* ---- names ---- */

static const struct word {
    const char *name, *zh;
} words[] = {
    {"constant", "常数"},
    {"naive_bayes", "朴素贝叶斯"},
    {"nearest", "最近邻"},
    {"linear", "线性回归"},
    {"logistic", "逻辑回归"},
    {"spline", "样条"},
    {"tree", "单棵决策树"},
    {"lasso", "套索回归"},
    {"crossed", "交叉效应"},
    {"additive", "可加模型"},
    {"trees", "梯度提升树"},
    {"mlp", "神经网络（MLP）"},
    {"cnn", "神经网络（CNN）"},
    {"vit", "图像 Transformer"},
    {"ft_transformer", "列上的 Transformer"},
    {"blend", "加权混合"},
    /* metrics */
    {"auc", "AUC（曲线下面积）"},
    {"average_precision", "平均精确率"},
    {"log_loss", "对数损失"},
    {"brier", "Brier 分数"},
    {"ece", "校准误差"},
    {"accuracy", "准确率"},
    {"balanced_accuracy", "平衡准确率"},
    {"f1", "F1 值"},
    {"macro_f1", "宏平均 F1 值"},
    {"precision", "精确率"},
    {"recall", "召回率"},
    {"mcc", "马修斯相关系数"},
    {"kappa", "Kappa 系数"},
    {"lift_decile", "首个十分位的提升度"},
    {"rmse", "均方根误差"},
    {"mae", "平均绝对误差"},
    {"r2", "R²（决定系数）"},
    {"mape", "平均相对误差"},
    {"poisson_deviance", "泊松偏差"},
    {"tweedie_deviance", "Tweedie 偏差"},
    {"pinball", "分位数损失"},
    {"coverage", "覆盖率"},
    {"width", "区间宽度"},
    {"ndcg@10", "NDCG@10（归一化折损累计增益）"},
    /* of groups */
    {"base_rate", "正例占比"},
    {"selection", "选中率"},
    {"tpr", "真正率"},
    {"fpr", "假正率"},
    {"ppv", "阳性预测值"},
    {"calibration", "校准差"},
    {"residual", "平均残差"},
    {"error", "平均绝对误差"},
    /* tasks */
    {"binary", "二分类"},
    {"classes", "多分类"},
    {"ordinal", "有序分类"},
    {"regression", "回归"},
    {"count", "计数"},
    {"quantile", "分位数"},
    {"ranking", "排序"},
    /* splits */
    {"stratified", "分层抽样"},
    {"plain", "随机划分"},
    {"group", "按组划分"},
    {"time", "按时间划分"},
    {"given", "给定划分"},
    /* leaks */
    {"leak", "单列即可得出目标"},
    {"id", "标识列"},
    {"future", "晚于目标时间才知道"},
    {"constant_column", "只有一个值"},
    {"duplicate_of", "与另一列相同"},
    /* calibration */
    {"identity", "不校准"},
    {"temperature", "温度缩放"},
    {"platt", "Platt 缩放"},
    {"isotonic", "保序回归"},
};

const char *tdl_card_word(tdl_str name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (tdl_str_is(name, words[i].name))
            return words[i].zh;
    return NULL;
}

/* ---- reasons ---- */

enum { SLOTS_MAX = 4, NESTING_MAX = 4 };

/* A star takes anything; {1} is what the first took, itself put into Chinese where it has a word.
 */
static const struct reason {
    const char *en, *zh;
} reasons[] = {
    {"takes minutes: ask for it by name, or give --budget 600",
     "需要数分钟：请按名称指定，或用 --budget 600"},
    {"takes about * s, and * s are left of the budget: give --budget *",
     "约需 {1} 秒，预算只剩 {2} 秒：请用 --budget {3}"},
    {"the time was over before it began", "尚未开始，时间已用完"},
    {"the time was over before it had learnt", "尚未学完，时间已用完"},
    {"made for categories of * levels and more", "用于取值不少于 {1} 个的类别列"},
    {"additive has no loss of quantiles", "additive 没有分位数损失"},
    {"trees do not learn a * target", "trees 不学习{1}目标"},
    {"trees split numbers, not images or embeddings", "trees 只切分数值，不处理图像或嵌入"},
    {"boosted trees need *, which is not installed", "梯度提升树需要 {1}，尚未安装"},
    {"* has no function *", "{1} 中没有函数 {2}"},
    {"* is version *; 1.6 is the oldest that will do", "{1} 的版本为 {2}；至少需要 1.6"},
    {"the worker of libxgboost ended by itself, with code *",
     "libxgboost 的工作进程自行结束，代码 {1}"},
    {"the worker of libxgboost was ended by signal *", "libxgboost 的工作进程被信号 {1} 终止"},
    {"the worker of libxgboost said nothing for * seconds", "libxgboost 的工作进程 {1} 秒没有响应"},
    {"crossed is of one score a row, not of *", "crossed 每行只有一个得分，不用于{1}"},
    {"crossed is of 1 to * categories, not of *", "crossed 用于 1 到 {1} 个类别列，而不是 {2} 个"},
    {"ft_transformer does not learn to rank", "ft_transformer 不用于排序"},
    {"ft_transformer: * rows of * columns; from * on",
     "ft_transformer：{1} 行 {2} 列；从 {3} 行起才参加"},
    {"lasso multiplies columns with each other: * are more than *",
     "lasso 要把列两两相乘：{1} 列多于 {2} 列"},
    {"lasso is of two classes or of a number, not of *", "lasso 用于二分类或数值，不用于{1}"},
    {"linear is of numbers, not of *", "linear 用于数值，不用于{1}"},
    {"logistic is of classes, not of *", "logistic 用于分类，不用于{1}"},
    {"mlp does not learn to rank", "mlp 不用于排序"},
    {"mlp: * rows of * columns are too few", "mlp：{1} 行 {2} 列太少"},
    {"naive_bayes is of classes, not of *", "naive_bayes 用于分类，不用于{1}"},
    {"nearest keeps and searches every row: * are more than *",
     "nearest 要保存并搜索每一行：{1} 行多于 {2} 行"},
    {"too few images, or lists to rank: * rows", "图像太少，或为排序任务：{1} 行"},
    {"there are no images in * rows", "{1} 行中没有图像"},
    {"one tree is of a number or at most 1,000 classes", "单棵决策树用于数值或至多 1,000 个类别"},
    {"the score of row * is no number", "第 {1} 行的得分不是数字"},
    {"*, fold *: *", "{1}，第 {2} 折：{3}"},
};

/* Does `text` read like `pattern`? ret: what each star took, the shortest that fits. */
static bool reads_like(tdl_str text, const char *pattern, tdl_str *ret, size_t *ret_n)
{
    size_t at = 0;

    *ret_n = 0;
    while (*pattern) {
        if (*pattern != '*') {
            if (at == text.len || text.at[at++] != *pattern++)
                return false;
            continue;
        }
        const char *next = ++pattern;
        size_t fixed = strcspn(next, "*"), begin = at;
        if (*ret_n == SLOTS_MAX)
            return false;
        if (fixed == 0) {
            at = text.len;
        } else {
            while (at + fixed <= text.len && memcmp(text.at + at, next, fixed) != 0)
                at++;
            if (at + fixed > text.len)
                return false;
        }
        ret[(*ret_n)++] = (tdl_str){text.at + begin, at - begin};
    }
    return at == text.len;
}

static bool translate(tdl_str english, unsigned depth, tdl_buf *out);

static void put_slot(tdl_str slot, unsigned depth, tdl_buf *out)
{
    const char *word = tdl_card_word(slot);

    if (word)
        tdl_buf_text(out, word);
    else
        translate(slot, depth + 1, out);
}

static bool translate(tdl_str english, unsigned depth, tdl_buf *out)
{
    tdl_str slot[SLOTS_MAX];
    size_t n;

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0] && depth < NESTING_MAX; i++) {
        if (!reads_like(english, reasons[i].en, slot, &n))
            continue;
        for (const char *at = reasons[i].zh; *at; at++) {
            if (at[0] == '{' && at[1] >= '1' && (size_t)(at[1] - '1') < n) {
                put_slot(slot[at[1] - '1'], depth, out);
                at += 2;
            } else {
                tdl_buf_char(out, *at);
            }
        }
        return true;
    }
    tdl_buf_str(out, english);
    return false;
}

bool tdl_card_reason(tdl_str english, tdl_buf *out)
{
    return translate(english, 0, out);
}

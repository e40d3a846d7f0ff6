"""The operations that an inference graph may hold: arithmetic, shapes, control flow; no files, no Python, no state."""

_ARITHMETIC = """
Abs Add AddN AddV2 All Any ArgMax ArgMin Cast Ceil ClipByValue Cumsum Div DivNoNan Equal EuclideanNorm Exp Floor
FloorDiv FloorMod Greater GreaterEqual L2Loss Less LessEqual Log LogicalAnd LogicalNot LogicalOr Max Maximum Mean Min
Minimum Mod Mul Neg NotEqual Pow Prod RealDiv Reciprocal Relu Relu6 Round Rsqrt Select SelectV2 Sigmoid Softmax Sqrt
Square SquaredDifference Sub Sum Tanh TruncateDiv Where ZerosLike OnesLike
"""
_NETWORK = """
AvgPool BatchMatMul BatchMatMulV2 BatchToSpaceND BiasAdd Conv2D DepthwiseConv2dNative Dequantize FusedBatchNorm
FusedBatchNormV2 FusedBatchNormV3 MatMul MaxPool Quantize QuantizeV2 QuantizedBiasAdd QuantizedConcat QuantizedConcatV2
QuantizedConv2D QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize QuantizedConv2DAndRequantize
QuantizedConv2DPerChannel QuantizedConv2DWithBias QuantizedConv2DWithBiasAndRelu
QuantizedConv2DWithBiasAndReluAndRequantize QuantizedConv2DWithBiasAndRequantize
QuantizedConv2DWithBiasSignedSumAndReluAndRequantize QuantizedConv2DWithBiasSumAndRelu
QuantizedConv2DWithBiasSumAndReluAndRequantize QuantizedMaxPool QuantizedRelu QuantizedReshape Requantize
RequantizationRange RequantizationRangePerChannel RequantizePerChannel SpaceToBatchND _FusedConv2D _QuantizedConv2D
_FusedQuantizedConv2D
"""
_SHAPE = """
Bitcast BroadcastTo Concat ConcatV2 Const ExpandDims Fill Gather GatherNd GatherV2 Identity IdentityN InvertPermutation
OneHot Pack Pad PadV2 Placeholder PlaceholderV2 PlaceholderWithDefault PreventGradient Range Rank Reshape Reverse
ReverseV2 ScatterNd Shape ShapeN Size Slice Split SplitV Squeeze StopGradient StridedSlice TensorScatterUpdate Tile TopK
TopKV2 Transpose Unpack
"""
_DETECTION = """
CombinedNonMaxSuppression NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4
NonMaxSuppressionV5
"""
_CONTROL = """
Assert Enter Exit If LoopCond Merge NextIteration NoOp PartitionedCall StatelessIf StatelessWhile Switch While
TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArrayV3
TensorArrayWriteV3
"""

INFERENCE_OPERATIONS = frozenset(" ".join((_ARITHMETIC, _NETWORK, _SHAPE, _DETECTION, _CONTROL)).split())

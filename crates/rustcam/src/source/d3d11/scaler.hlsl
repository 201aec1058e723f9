// Scales upright: along one axis at a time, sums with whole weights of a row of texels for every pixel, then the mean of both axes. Shader
// model 4, compiled by the system's own compiler when it is first needed.
//
// Straight code without functions, loops and conditions, because Wine's compiler knows none of them: what is inside a span is added by as
// many draws as it takes, eight texels at a time.

cbuffer Sum : register(b0)
{
    float4 along;        // the coordinate along the axis is x * column + y * row + z: the entry of `spans`; w: the weight of the texels inside a span
    float4 across;       // the other coordinate is x * column + y * row + z; w: how many texels inside of the span earlier draws have added
    float4 step_along;   // xy: from one texel of a span to the next; z: larger values are cut to this
    float4 step_across;  // xy: from one span to the next across the axis; zw: the texel with both coordinates 0
};

Texture2D image : register(t0);

// Of every pixel along the axis: the first and the last texel of its span, and their weights.
Texture2D spans : register(t1);

// Macros do not pass their arguments on to others: Wine's compiler would lose them.
#define LEVEL(at) floor(image.Load(int3(int(at.x), int(at.y), 0)).xyz * 255.0 + 0.5)
#define NUMBER(at) min(max(image.Load(int3(int(at.x), int(at.y), 0)).xyz, float3(0.0, 0.0, 0.0) - step_along.z), float3(0.0, 0.0, 0.0) + step_along.z)

#define SPAN \
    float2 pixel = floor(position.xy); \
    float entry = along.x * pixel.x + along.y * pixel.y + along.z; \
    float other = across.x * pixel.x + across.y * pixel.y + across.z; \
    float4 span = spans.Load(int3(int(entry), 0, 0)); \
    float2 start = step_across.xy * other + step_across.zw

#define ENDS \
    float2 one = start + step_along.xy * span.x; \
    float2 two = start + step_along.xy * span.y

// Beyond the span its last texel is read again, with the weight 0.
#define TAPS \
    float first = span.x + 1.0 + across.w; \
    float2 at0 = start + step_along.xy * min(first + 0.0, span.y); \
    float2 at1 = start + step_along.xy * min(first + 1.0, span.y); \
    float2 at2 = start + step_along.xy * min(first + 2.0, span.y); \
    float2 at3 = start + step_along.xy * min(first + 3.0, span.y); \
    float2 at4 = start + step_along.xy * min(first + 4.0, span.y); \
    float2 at5 = start + step_along.xy * min(first + 5.0, span.y); \
    float2 at6 = start + step_along.xy * min(first + 6.0, span.y); \
    float2 at7 = start + step_along.xy * min(first + 7.0, span.y); \
    float weight0 = min(max(span.y - first - 0.0, 0.0), 1.0); \
    float weight1 = min(max(span.y - first - 1.0, 0.0), 1.0); \
    float weight2 = min(max(span.y - first - 2.0, 0.0), 1.0); \
    float weight3 = min(max(span.y - first - 3.0, 0.0), 1.0); \
    float weight4 = min(max(span.y - first - 4.0, 0.0), 1.0); \
    float weight5 = min(max(span.y - first - 5.0, 0.0), 1.0); \
    float weight6 = min(max(span.y - first - 6.0, 0.0), 1.0); \
    float weight7 = min(max(span.y - first - 7.0, 0.0), 1.0)

// The texels at both ends of the span, as levels.
float4 ps_level_ends(float4 position : SV_Position) : SV_Target
{
    SPAN;
    ENDS;
    return float4(LEVEL(one) * span.z + LEVEL(two) * span.w, 1.0);
}

// As many texels inside of the span.
float4 ps_level_inside(float4 position : SV_Position) : SV_Target
{
    SPAN;
    TAPS;
    float3 sum = LEVEL(at0) * weight0
        + LEVEL(at1) * weight1
        + LEVEL(at2) * weight2
        + LEVEL(at3) * weight3
        + LEVEL(at4) * weight4
        + LEVEL(at5) * weight5
        + LEVEL(at6) * weight6
        + LEVEL(at7) * weight7;
    return float4(sum * along.w, 1.0);
}

// The same of numbers: half floats, or the sums along the other axis.
float4 ps_number_ends(float4 position : SV_Position) : SV_Target
{
    SPAN;
    ENDS;
    return float4(NUMBER(one) * span.z + NUMBER(two) * span.w, 1.0);
}

float4 ps_number_inside(float4 position : SV_Position) : SV_Target
{
    SPAN;
    TAPS;
    float3 sum = NUMBER(at0) * weight0
        + NUMBER(at1) * weight1
        + NUMBER(at2) * weight2
        + NUMBER(at3) * weight3
        + NUMBER(at4) * weight4
        + NUMBER(at5) * weight5
        + NUMBER(at6) * weight6
        + NUMBER(at7) * weight7;
    return float4(sum * along.w, 1.0);
}

// The levels that the sums along both axes stand for. xy of `along`: the pixel of the first sum; z: 1 / the sum of all weights; w: lifts
// ties, and what arithmetic has made of them, above themselves, so that they round up.
float4 ps_round(float4 position : SV_Position) : SV_Target
{
    float2 at = floor(position.xy) - along.xy;
    float3 level = floor(image.Load(int3(int(at.x), int(at.y), 0)).xyz * along.z + 0.5 + along.w);
    return float4(min(level, float3(255.0, 255.0, 255.0)) / 255.0, 1.0);
}

// The same for numbers.
float4 ps_mean(float4 position : SV_Position) : SV_Target
{
    float2 at = floor(position.xy) - along.xy;
    return float4(image.Load(int3(int(at.x), int(at.y), 0)).xyz * along.z, 1.0);
}

// BT.709 in the limited range, in 65536ths: below 2^24.
#define LUMA(level) floor((11966.0 * level.x + 40254.0 * level.y + 4064.0 * level.z + 1081344.0) / 65536.0)

// Of the sum of four pixels, in 2^18ths. The factors are split into multiples of 256 and the rest, so that all sums are below 2^24.
#define CB(sum) floor((112.0 * sum.z - 26.0 * sum.x - 87.0 * sum.y + 131584.0 + floor((61.0 * sum.x + 83.0 * sum.y + 112.0 * sum.z) / 256.0)) / 1024.0)
#define CR(sum) floor((112.0 * sum.x - 103.0 * sum.y - 11.0 * sum.z + 131584.0 + floor((112.0 * sum.x + 223.0 * sum.y + 177.0 * sum.z) / 256.0)) / 1024.0)

// Luma of four pixels of a row. xy of `along`: the pixel of the first; z: the last column.
float4 ps_luma(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy) - along.xy;
    float2 at0 = float2(min(4.0 * pixel.x, along.z), pixel.y);
    float2 at1 = float2(min(4.0 * pixel.x + 1.0, along.z), pixel.y);
    float2 at2 = float2(min(4.0 * pixel.x + 2.0, along.z), pixel.y);
    float2 at3 = float2(min(4.0 * pixel.x + 3.0, along.z), pixel.y);
    float3 level0 = LEVEL(at0);
    float3 level1 = LEVEL(at1);
    float3 level2 = LEVEL(at2);
    float3 level3 = LEVEL(at3);
    float4 luma = float4(LUMA(level0), LUMA(level1), LUMA(level2), LUMA(level3));
    // The order of bytes in memory is blue, green, red, alpha.
    return luma.zyxw / 255.0;
}

// Chroma of two times four pixels of two rows.
float4 ps_chroma(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy) - along.xy;
    float2 at0 = float2(min(4.0 * pixel.x, along.z), 2.0 * pixel.y);
    float2 at1 = float2(min(4.0 * pixel.x + 1.0, along.z), 2.0 * pixel.y);
    float2 at2 = float2(min(4.0 * pixel.x + 2.0, along.z), 2.0 * pixel.y);
    float2 at3 = float2(min(4.0 * pixel.x + 3.0, along.z), 2.0 * pixel.y);
    float2 below0 = at0 + float2(0.0, 1.0);
    float2 below1 = at1 + float2(0.0, 1.0);
    float2 below2 = at2 + float2(0.0, 1.0);
    float2 below3 = at3 + float2(0.0, 1.0);
    float3 left = LEVEL(at0) + LEVEL(at1) + LEVEL(below0) + LEVEL(below1);
    float3 right = LEVEL(at2) + LEVEL(at3) + LEVEL(below2) + LEVEL(below3);
    float4 chroma = float4(CB(left), CR(left), CB(right), CR(right));
    return chroma.zyxw / 255.0;
}

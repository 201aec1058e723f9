// Draws the desktop upright into a texture: shader model 4, compiled by the system's own compiler when it is first needed.
//
// All arithmetic is on whole numbers far below 2^24, which floats hold exactly, so that the result is that of integer arithmetic on
// every device. Straight code without functions and conditions, because Wine's compiler knows neither.

cbuffer Placement : register(b0)
{
    float4 column_step;  // xy: from one column of the target to the next, in texels of the desktop
    float4 row_step;     // xy: from one row of the target to the next
    float4 origin;       // xy: the texel of the first pixel; zw: the pixel of the pointer's first texel
};

cbuffer Tone : register(b1)
{
    float4 tone;         // x: from scRGB to 1 = SDR white; y: fading to white per brightness above it; z: 1 keeps the hue, 0 cuts each channel
};

cbuffer Light : register(b2)
{
    float4 decoding;     // x: the largest value of a channel of the desktop, 0 if it holds half floats; y: 1, 0 if it holds half floats; z: 1e30
};

Texture2D desktop : register(t0);
Texture2D pointer : register(t1);
Texture2D levels : register(t2);

// x: the light of every value of the desktop; of every level of the pointer y: its light, z: the same as a half float, w: the least half
// float of the desktop that is cut to this level or above it.
Texture2D light : register(t3);

// One triangle that covers the whole viewport: twice as wide and high, clockwise from its upper left corner.
float4 vs_fullscreen(uint id : SV_VertexID) : SV_Position
{
    float number = id;
    float low = floor(number * 0.5);
    float right = number - 2.0 * low;
    return float4(4.0 * right - 1.0, 1.0 - 4.0 * low, 0.0, 1.0);
}

// The desktop alone.
float4 ps_copy(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 under = desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz;
    return float4(under, 1.0);
}

// With a pointer of straight alpha over it: n / 255 rounded half up, exact for every product of two bytes.
float4 ps_alpha(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 under = floor(desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz * 255.0 + 0.5);
    float2 at = pixel - origin.zw;
    float4 over = floor(pointer.Load(int3(int(at.x), int(at.y), 0)) * 255.0 + 0.5);
    float3 sum = over.xyz * over.w + under * (255.0 - over.w) + 128.0;
    float3 result = floor((sum + floor(sum / 256.0)) / 256.0);
    return float4(result / 255.0, 1.0);
}

// With a masked pointer: alpha 0 replaces the pixel, anything else exclusive-ors it.
float4 ps_mask(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 under = floor(desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz * 255.0 + 0.5);
    float2 at = pixel - origin.zw;
    float4 over = floor(pointer.Load(int3(int(at.x), int(at.y), 0)) * 255.0 + 0.5);
    uint3 flipped = uint3(under * min(over.w, 1.0)) ^ uint3(over.xyz);
    return float4(float3(flipped) / 255.0, 1.0);
}

// An HDR desktop in 8 bits. 1 is SDR white here; `levels` is the curve of sRGB for the 65536 values of a channel, 256 in a row, so that
// the result does not depend on how exactly a device computes powers.
float4 ps_tone(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float3 light = desktop.Load(int3(int(pixel.x), int(pixel.y), 0)).xyz;
    float3 relative = min(max(light, float3(0.0, 0.0, 0.0)), float3(65504.0, 65504.0, 65504.0)) * tone.x;
    float brightest = max(max(relative.x, relative.y), max(relative.z, 1.0));
    float fading = min((brightest - 1.0) * tone.y, 1.0);
    float divisor = 1.0 + (brightest - 1.0) * tone.z;
    float3 mapped = min(relative / divisor * (1.0 - fading) + fading, float3(1.0, 1.0, 1.0));
    float3 value = floor(mapped * 65535.0 + 0.5);
    float3 row = floor(value / 256.0);
    float3 column = value - row * 256.0;
    float red = levels.Load(int3(int(column.x), int(row.x), 0)).x;
    float green = levels.Load(int3(int(column.y), int(row.y), 0)).x;
    float blue = levels.Load(int3(int(column.z), int(row.z), 0)).x;
    return float4(red, green, blue, 1.0);
}

// The entries of `light` for three values.
#define LIGHT(value, column) float3(light.Load(int3(int((value).x), 0, 0)).column, light.Load(int3(int((value).y), 0, 0)).column, light.Load(int3(int((value).z), 0, 0)).column)

// A desktop of levels as half floats. One of half floats is drawn by `ps_copy`.
float4 ps_decode(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 under = floor(desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz * decoding.x + 0.5);
    return float4(LIGHT(under, x), 1.0);
}

// `ps_alpha` as half floats, over a desktop of 8 bits.
float4 ps_decode_alpha(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 under = floor(desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz * 255.0 + 0.5);
    float2 at = pixel - origin.zw;
    float4 over = floor(pointer.Load(int3(int(at.x), int(at.y), 0)) * 255.0 + 0.5);
    float3 sum = over.xyz * over.w + under * (255.0 - over.w) + 128.0;
    float3 result = floor((sum + floor(sum / 256.0)) / 256.0);
    return float4(LIGHT(result, x), 1.0);
}

// `ps_mask` as half floats, over a desktop of 8 bits.
float4 ps_decode_mask(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 under = floor(desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz * 255.0 + 0.5);
    float2 at = pixel - origin.zw;
    float4 over = floor(pointer.Load(int3(int(at.x), int(at.y), 0)) * 255.0 + 0.5);
    uint3 flipped = uint3(under * min(over.w, 1.0)) ^ uint3(over.xyz);
    float3 result = float3(flipped);
    return float4(LIGHT(result, x), 1.0);
}

// A choice without a condition: `one` where `open` is 0, `other` where it is 1e30, whose square is infinite.
#define CHOOSE(open, one, other) min(max(other, one - open * open), one + open * open)

// A pointer of straight alpha at SDR white, mixed in linear light. What is opaque is exact, and hides infinities. Of a desktop of half floats,
// the value to look up is 0, and NaN becomes 0.
float4 ps_light_alpha(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 stored = desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz;
    float3 value = floor(min(max(stored, float3(0.0, 0.0, 0.0)), float3(1.0, 1.0, 1.0)) * decoding.x + 0.5);
    float3 number = max(stored, float3(0.0, 0.0, 0.0)) + min(stored, float3(0.0, 0.0, 0.0));
    float3 under = LIGHT(value, x) * decoding.y + number * (1.0 - decoding.y);
    float2 at = pixel - origin.zw;
    float4 over = floor(pointer.Load(int3(int(at.x), int(at.y), 0)) * 255.0 + 0.5);
    float3 mixed = LIGHT(over, y) * (over.w / 255.0) + under * ((255.0 - over.w) / 255.0);
    float3 opaque = LIGHT(over, z);
    float open = (1.0 - max(over.w - 254.0, 0.0)) * decoding.z;
    return float4(CHOOSE(open, opaque, mixed), 1.0);
}

// A masked pointer at SDR white: alpha 0 replaces the pixel, anything else inverts bits of its level. The level is searched in eight steps,
// so that it is exact. Channels that are neither replaced nor inverted stay as they are.
float4 ps_light_mask(float4 position : SV_Position) : SV_Target
{
    float2 pixel = floor(position.xy);
    float2 texel = column_step.xy * pixel.x + row_step.xy * pixel.y + origin.xy;
    float3 stored = desktop.Load(int3(int(texel.x), int(texel.y), 0)).xyz;
    float3 value = floor(min(max(stored, float3(0.0, 0.0, 0.0)), float3(1.0, 1.0, 1.0)) * decoding.x + 0.5);
    float3 number = max(stored, float3(0.0, 0.0, 0.0)) + min(stored, float3(0.0, 0.0, 0.0));
    float3 under = LIGHT(value, x) * decoding.y + number * (1.0 - decoding.y);
    float3 level = float3(0.0, 0.0, 0.0);
    float3 next = level + 128.0;
    level = level + float3(under >= LIGHT(next, w)) * 128.0;
    next = level + 64.0;
    level = level + float3(under >= LIGHT(next, w)) * 64.0;
    next = level + 32.0;
    level = level + float3(under >= LIGHT(next, w)) * 32.0;
    next = level + 16.0;
    level = level + float3(under >= LIGHT(next, w)) * 16.0;
    next = level + 8.0;
    level = level + float3(under >= LIGHT(next, w)) * 8.0;
    next = level + 4.0;
    level = level + float3(under >= LIGHT(next, w)) * 4.0;
    next = level + 2.0;
    level = level + float3(under >= LIGHT(next, w)) * 2.0;
    next = level + 1.0;
    level = level + float3(under >= LIGHT(next, w)) * 1.0;
    float2 at = pixel - origin.zw;
    float4 over = floor(pointer.Load(int3(int(at.x), int(at.y), 0)) * 255.0 + 0.5);
    uint3 flipped = uint3(level * min(over.w, 1.0)) ^ uint3(over.xyz);
    float3 result = float3(flipped);
    float3 shown = LIGHT(result, z);
    float3 open = min(over.w, 1.0) * (1.0 - min(over.xyz, float3(1.0, 1.0, 1.0))) * decoding.z;
    return float4(CHOOSE(open, shown, under), 1.0);
}

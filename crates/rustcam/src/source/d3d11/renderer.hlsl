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

Texture2D desktop : register(t0);
Texture2D pointer : register(t1);
Texture2D levels : register(t2);

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

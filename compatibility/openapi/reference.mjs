// Builds requests with swagger-client and sends them. Lines of JSON in, a line of JSON out for each:
// {"read": path} -> {"document"}; {"load": document, "url", "origin"} -> {}; {"build": {...}, "authorized", "send"} -> {"built"}.
// Bytes are written {"$bytes": base64, "filename", "contentType"}.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import yaml from "js-yaml";
import SwaggerClient from "swagger-client";

let spec, contextUrl, origin;
console.warn = () => {};
console.log = () => {};
console.error = () => {};

const withBytes = (value) => {
  if (Array.isArray(value)) return value.map(withBytes);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) {
    return new File([Buffer.from(value.$bytes, "base64")], value.filename, { type: value.contentType });
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withBytes(each)]));
};

async function answer(asked) {
  if (asked.read) {
    const text = readFileSync(asked.read, "utf8").replace(/^\uFEFF/, "");
    return { document: text.trimStart().startsWith("{") ? JSON.parse(text) : yaml.load(text, { schema: yaml.JSON_SCHEMA, json: true }) };
  }
  if (asked.load) {
    contextUrl = asked.url;
    origin = asked.origin;
    const found = await SwaggerClient.resolve({ spec: asked.load, baseDoc: asked.url, allowMetaPatches: false });
    spec = found.spec;
    return { errors: found.errors?.map((error) => String(error.message ?? error)).slice(0, 3) };
  }
  const { operationId, parameters, body, contentType } = asked.build;
  const options = { spec, operationId, contextUrl, scheme: "http", parameters: withBytes(parameters) };
  if (contentType) options.requestContentType = contentType;
  if (body !== undefined) options.requestBody = withBytes(body);
  if (asked.authorized) options.securities = { authorized: asked.authorized };
  const request = SwaggerClient.buildRequest(options);
  const built = { method: request.method.toUpperCase(), url: request.url, headers: { ...request.headers } };
  if (request.body instanceof File) {
    request.body = Buffer.from(await request.body.arrayBuffer());
  } else if (request.body !== undefined && !(request.body instanceof FormData) && typeof request.body !== "string") {
    request.body = JSON.stringify(request.body);
  }
  if (request.body !== undefined && !(request.body instanceof FormData)) {
    built.body = Buffer.from(request.body).toString("base64");
  }
  try {
    // Wherever a document says that its system is, nothing is sent there.
    const url = origin + new URL(request.url).href.slice(new URL(request.url).origin.length);
    await SwaggerClient.http({ ...request, url, redirect: "manual" });
  } catch (error) {
    if (!error.response) built.unsent = String(error.cause?.message ?? error.message);
  }
  return { built };
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await answer(JSON.parse(line));
  } catch (error) {
    said = { error: String(error.message ?? error).slice(0, 300) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

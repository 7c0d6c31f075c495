{{ config(tags=['broken']) }}
select status from {{ ref('broken') }}
